from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import annotation.urls
import hierarchy.urls
from annotation.pages.forms import LoginForm
from annotation.pages.passwords import PasswordChangeView, PasswordResetConfirmView
from config import health
from config.language import choose_language

accounts = [
    path(
        "login/",
        auth.LoginView.as_view(redirect_authenticated_user=True, authentication_form=LoginForm),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password/", PasswordChangeView.as_view(), name="password_change"),
    path("password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("reset/", auth.PasswordResetView.as_view(), name="password_reset"),
    path("reset/sent/", auth.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path("reset/<uidb64>/<token>/", PasswordResetConfirmView.as_view(), name="password_reset_confirm"),
    path("reset/done/", auth.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
]
# Swagger writes styles into its page; its script is an address of its own, as our policy wants.
api_docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))
api = [*hierarchy.urls.api_patterns, *annotation.urls.api_patterns]

urlpatterns = [
    path("livez", health.show_livez, name="livez"),
    path("readyz", health.show_readyz, name="readyz"),
    # One page for a new password, for the audit log's sake.
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change"), name="admin-password"),
    path("admin/", admin.site.urls),
    path("accounts/", include(accounts)),
    path("language/", choose_language, name="language"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
    path("api/v1/", include((api, "api"))),
    path("", include(annotation.urls.root_patterns)),
    path("crowd/", include((annotation.urls.crowd_patterns, "crowd"))),
    path("", include((annotation.urls.page_patterns, "annotation"))),
    path("", include((hierarchy.urls.page_patterns, "hierarchy"))),
]

handler400 = "config.errors.show_bad_request"
handler403 = "config.errors.show_forbidden"
handler404 = "config.errors.show_not_found"
handler500 = "config.errors.show_server_error"

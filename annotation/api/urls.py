from django.urls import path

from annotation.api import schema as _schema  # noqa: F401 (registers itself)
from annotation.api import views

api_patterns = [
    path("batches/", views.BatchesView.as_view(), name="batch-list"),
    path("batches/<uuid:batch_id>/", views.BatchView.as_view(), name="batch-detail"),
    path("batches/<uuid:batch_id>/votes/", views.BatchVotesView.as_view(), name="batch-votes"),
    path("campaigns/", views.CampaignsView.as_view(), name="campaign-list"),
    path("campaigns/<slug:name>/", views.CampaignView.as_view(), name="campaign-detail"),
    path("disputes/", views.DisputesView.as_view(), name="dispute-list"),
    path("disputes/<int:dispute_id>/", views.DisputeView.as_view(), name="dispute-detail"),
    path("disputes/<int:dispute_id>/decision/", views.DecisionView.as_view(), name="dispute-decision"),
    path("appeals/", views.AppealsView.as_view(), name="appeal-list"),
    path("appeals/<int:appeal_id>/", views.AppealView.as_view(), name="appeal-detail"),
    path("appeals/<int:appeal_id>/answer/", views.AnswerView.as_view(), name="appeal-answer"),
    path("me/appeal/", views.MyAppealView.as_view(), name="me-appeal"),
    path("me/", views.MeView.as_view(), name="me"),
]

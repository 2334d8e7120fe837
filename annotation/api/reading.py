from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from django.views.decorators.vary import vary_on_headers
from rest_framework.views import APIView


@method_decorator(vary_on_headers("Authorization", "Cookie"), name="dispatch")
@method_decorator(cache_control(private=True, no_cache=True), name="dispatch")
@method_decorator(conditional_page, name="dispatch")
class ReadView(APIView):
    """A view that only reads. Its answers carry an ETag; asked again with If-None-Match, it says 304."""

    http_method_names = ["get", "head", "options"]

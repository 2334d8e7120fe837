import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import reverse

from config.admission.gate import Gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not settings.SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY must be set to serve")
django = get_wsgi_application()
# Loads all that is reached by an address: /livez is answered without it, and nobody should wait for it later.
reverse("home")
application = Gate(
    django,
    threads=settings.WEB_THREADS,
    waiting=settings.WEB_WAITING,
    streams=settings.WEB_STREAMS,
)

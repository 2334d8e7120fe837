import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.admission.gate import Gate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not settings.SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY must be set to serve")
application = Gate(
    get_wsgi_application(),
    threads=settings.WEB_THREADS,
    waiting=settings.WEB_WAITING,
    streams=settings.WEB_STREAMS,
)

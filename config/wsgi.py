import logging
import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import reverse

from config.admission.gate import Gate
from config.reading import BASE_DIR
from config.texts.catalogues import compile_catalogues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
try:
    compile_catalogues(BASE_DIR)
except OSError:
    # As in the image, which has them made and is not to be written to: pages are there, in the language that is.
    logging.getLogger(__name__).warning(
        "the texts of locale/ are newer than their .mo, and these cannot be written", exc_info=True
    )
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

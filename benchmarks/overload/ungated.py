"""Django without the gate before it, as a web process had it before, to set the gate beside."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

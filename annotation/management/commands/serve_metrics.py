import logging
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from prometheus_client import start_http_server

from annotation.management.scrape import make_registry

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Answers Prometheus at METRICS_HOST and METRICS_PORT with the metrics of the whole service, until it is stopped."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = settings.METRICS_HOST, settings.METRICS_PORT
        if not port:
            raise CommandError("METRICS_PORT is 0: no metrics are served.")
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        try:
            _, thread = start_http_server(port, host, make_registry(folder=Path(folder) if folder else None))
        except OSError as error:
            raise CommandError(f"Cannot listen on METRICS_HOST={host} METRICS_PORT={port}: {error.strerror}") from error
        logger.info("Metrics are served on port %s", port)
        thread.join()

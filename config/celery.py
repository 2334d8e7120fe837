"""The Celery application. Messages only wake a worker: what is due stands in PostgreSQL."""

import logging
import os
import sys
import time
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import close_old_connections, connections

from config.metrics import TASK_SECONDS, TASKS_STARTED
from config.trace import Trace, choose_request_id, find_trace, set_trace

logger = logging.getLogger(__name__)
# Among the headers of a message; `Task.request` has it under this name.
REQUEST_ID = "veriset_request_id"

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Task(DjangoTask):  # type: ignore[type-arg]  # generic in its types alone
    """It runs under the id of the request that asked for it, beat's under one of its own.

    Between tasks a worker keeps its connection as long as a web server does between requests (settings.DATABASES); Celery would
    close it after each (docs/adr/0021).
    """

    # A worker process has one task at a time.
    _begun: float | None = None

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:  # type: ignore[override]  # whatever Celery takes
        headers = {REQUEST_ID: choose_request_id(find_trace().request_id), **(options.pop("headers", None) or {})}
        return super().apply_async(args, kwargs, headers=headers, **options)

    def before_start(self, task_id: str, *_: Any) -> None:
        if self.request.is_eager:
            return
        set_trace(Trace(choose_request_id(self.request.get(REQUEST_ID)), self.name or "", task_id))
        self._begun = time.perf_counter()
        TASKS_STARTED.labels(self.name).inc()
        close_old_connections()

    def after_return(self, status: str, *_: Any) -> None:
        if self.request.is_eager:
            return
        close_old_connections()
        if self._begun is not None:
            seconds, outcome = time.perf_counter() - self._begun, status.lower()
            TASK_SECONDS.labels(self.name, outcome).observe(seconds)
            logger.info("done", extra={"outcome": outcome, "milliseconds": round(1000 * seconds, 1)})
        self._begun = None
        set_trace(Trace())

    def on_failure(self, *_: Any) -> None:
        """It may have been cut off anywhere in a transaction: nothing of that is left for the next one."""
        if not self.request.is_eager:
            connections["default"].close()
            del connections["default"]


app = Celery("veriset", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize // 2

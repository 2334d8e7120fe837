"""The Celery application and what beat asks for. Messages only wake a worker: what is due stands in PostgreSQL."""

import os
import sys
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.db import close_old_connections, connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Task(DjangoTask):  # type: ignore[type-arg]  # generic in its types alone
    """Between tasks a worker keeps its connection as long as a web server does between requests (settings.DATABASES); Celery would
    close it after each (docs/adr/0021)."""

    def before_start(self, *_: Any) -> None:
        self._look_after_connection()

    def after_return(self, *_: Any) -> None:
        self._look_after_connection()

    def on_failure(self, *_: Any) -> None:
        """It may have been cut off anywhere in a transaction: nothing of that is left for the next one."""
        if not self.request.is_eager:
            connections["default"].close()
            del connections["default"]

    def _look_after_connection(self) -> None:
        if not self.request.is_eager:
            close_old_connections()


# What nobody has taken for so long is not needed: what was due then is due still. By the clocks of whoever sends and whoever takes it, so
# that it must be longer than these disagree.
KEPT_SECONDS = 3600

app = Celery("veriset", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize // 2
app.conf.beat_schedule = {
    # A second sweep at the same time does no harm.
    "sweep due questions": {
        "task": "annotation.tasks.sweep_due_questions",
        "schedule": float(settings.SWEEP_SECONDS),
        "options": {"expires": KEPT_SECONDS},
    },
    # Large campaigns are opened and closed a range at a time.
    "carry on with campaigns": {
        "task": "annotation.tasks.carry_on_campaigns",
        "schedule": 5.0,
        "options": {"expires": KEPT_SECONDS},
    },
    # Begins an estimation when one is due, and goes on with one that whoever worked on it has left.
    "look after the estimation": {
        "task": "annotation.tasks.estimate_all",
        "schedule": 10.0,
        "options": {"expires": KEPT_SECONDS},
    },
    # Counts are right without it, and add up quickly with it.
    "fold counts": {
        "task": "hierarchy.tasks.fold_counts",
        "schedule": 60.0,
        "options": {"expires": KEPT_SECONDS},
    },
}

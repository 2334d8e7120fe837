"""The Celery application and what beat asks for. Messages only wake a worker: what is due stands in PostgreSQL."""

import os
import sys

from celery import Celery
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("veriset")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Between tasks a worker keeps its connection as long as a web server does between requests (settings.DATABASES); Celery would close
# it after each, and every new process of PostgreSQL comes to know the shared memory anew.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize // 2
task_prerun.connect(close_old_connections)
task_postrun.connect(close_old_connections)
app.conf.beat_schedule = {
    # A second sweep at the same time does no harm.
    "sweep due questions": {
        "task": "annotation.tasks.sweep_due_questions",
        "schedule": 5.0,
        "options": {"expires": 30},
    },
    # Begins an estimation when one is due, and goes on with one that whoever worked on it has left.
    "look after the estimation": {
        "task": "annotation.tasks.estimate_all",
        "schedule": 10.0,
        "options": {"expires": 30},
    },
}

"""The Celery application and what beat asks for. Messages only wake a worker: what is due stands in PostgreSQL."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("veriset")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
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

"""What the doors count. Processes write it into files under PROMETHEUS_MULTIPROC_DIR, which `manage.py serve_metrics` reads."""

import os
import socket
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from prometheus_client import Counter, Histogram, values

if _FOLDER := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    if not Path(_FOLDER).is_dir():
        raise ImproperlyConfigured(f"PROMETHEUS_MULTIPROC_DIR must name a folder that is there, not {_FOLDER!r}")
    # Containers share the folder, and each has a process 1. Before the first metric is made.
    _HOST = socket.gethostname().replace("_", "-")
    values.ValueClass = values.MultiProcessValue(lambda: f"{_HOST}-{os.getpid()}")  # type: ignore[no-untyped-call]

# As long as a task may take (settings.CELERY_TASK_TIME_LIMIT).
TASK_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 240)

REQUESTS = Counter("veriset_requests", "Requests by route and class of status.", ["route", "status"])
SHED = Counter(
    "veriset_shed_requests", "Requests refused because too much waited, by kind (config/admission).", ["kind"]
)
TASKS_STARTED = Counter("veriset_tasks_started", "Celery tasks that began.", ["task"])
TASK_SECONDS = Histogram(
    "veriset_task_seconds",
    "Celery tasks that ended, and how long they took.",
    ["task", "outcome"],
    buckets=TASK_BUCKETS,
)

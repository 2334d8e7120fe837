"""In the environment of a service: python -m tests.faults.ring NUMBER sends so many wake-up calls of each kind at once."""

import sys

import django

django.setup()

from annotation import tasks  # noqa: E402 (after the settings)

for _ in range(int(sys.argv[1])):
    for task in (tasks.estimate_due_questions, tasks.sweep_due_questions, tasks.carry_on_campaigns, tasks.estimate_all):
        task.apply_async()

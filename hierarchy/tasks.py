"""Celery tasks: a wake-up each, nothing more."""

from celery import shared_task

from hierarchy.actions import counts


@shared_task
def fold_counts() -> None:
    """Folds what was counted since the last time, so that counts stay quick to add up."""
    while counts.fold_counts():
        pass

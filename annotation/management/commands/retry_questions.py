from typing import Any

from django.core.management.base import BaseCommand
from django.utils.timezone import now

from annotation.actions.asides import retry_questions
from annotation.tasks import ring_doorbell


class Command(BaseCommand):
    help = "Has questions that were set aside, because their estimates failed, tried again by the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        count = retry_questions(at=now(), now=True)
        if count:
            ring_doorbell()
        self.stdout.write(f"{count} questions are tried again." if count else "No question is set aside.")

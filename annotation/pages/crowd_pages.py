"""What differs on the annotating page for workers of external crowds; nothing for everybody else."""

from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.timezone import now

from annotation.actions import crowds as actions
from annotation.models import Assignment


def find_assignment(request: HttpRequest) -> Assignment | None:
    """Put there by the middleware of crowds."""
    found: Assignment | None = getattr(request, "crowd_assignment", None)
    return found


def note_page(request: HttpRequest, batch_id: UUID) -> None:
    """A page that was sent counts for the assignment."""
    assignment = find_assignment(request)
    if assignment is not None:
        noted = actions.note_page(assignment_id=assignment.pk, batch_id=batch_id, at=now())
        assignment.finished_at = noted.finished_at


def find_finish_url(request: HttpRequest) -> str:
    """Where a finished assignment is handed in; empty for one that is not."""
    assignment = find_assignment(request)
    return reverse("crowd:done") if assignment is not None and assignment.finished_at is not None else ""

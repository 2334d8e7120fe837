from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from annotation.models.annotator import Annotator
from annotation.models.campaign import Campaign
from annotation.models.vote import Batch

TOKEN = r"^[A-Za-z0-9_-]{43}$"  # noqa: S105 (what one looks like)


class Crowd(models.Model):
    """A campaign that people of another provider may annotate who have its link: `token` is the secret in it.

    One assignment is so many `pages`. Nobody new comes in after `open_until` or once it is closed; who has begun may end.
    """

    class Provider(models.TextChoices):
        MTURK = "MTURK", _("Mechanical Turk")
        PROLIFIC = "PROLIFIC", _("Prolific")

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="crowds")
    provider = models.CharField(max_length=8, choices=Provider.choices)
    token = models.CharField(max_length=43, unique=True)
    pages = models.SmallIntegerField(help_text="pages of pictures in one assignment")
    sandbox = models.BooleanField(default=False, help_text="Mechanical Turk's sandbox, where nobody is paid")
    completion_code = models.CharField(max_length=20, blank=True, help_text="Prolific's")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    open_until = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="crowd_pages_range", condition=Q(pages__gte=1, pages__lte=100)),
            models.CheckConstraint(name="crowd_token_is_secret", condition=Q(token__regex=TOKEN)),
            models.CheckConstraint(
                name="crowd_provider_is_whole",
                condition=Q(provider="MTURK", completion_code="")
                | (Q(provider="PROLIFIC", sandbox=False) & ~Q(completion_code="")),
            ),
            models.CheckConstraint(name="crowd_open_until_after", condition=Q(open_until__gt=F("opened_at"))),
            models.CheckConstraint(
                name="crowd_closed_after", condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} for {self.campaign_id}"


class CrowdWorker(models.Model):
    """Who a provider's worker is here. The provider's id is kept as a keyed hash alone."""

    provider = models.CharField(max_length=8, choices=Crowd.Provider.choices)
    worker_sha256 = models.BinaryField(max_length=32)
    annotator = models.OneToOneField(Annotator, on_delete=models.CASCADE, related_name="crowd_worker")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="crowd_worker_once", fields=["provider", "worker_sha256"]),
            models.CheckConstraint(
                name="crowd_worker_sha256_length",
                condition=RawSQL("octet_length(worker_sha256) = 32", (), output_field=models.BooleanField()),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.annotator_id}"


class Assignment(models.Model):
    """So many pages for one worker, by the provider's own id of it, which pays by it. What was sent is in its pages."""

    crowd = models.ForeignKey(Crowd, on_delete=models.PROTECT, related_name="assignments")
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="assignments")
    reference = models.CharField(max_length=64, help_text="the provider's id")
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="assignment_once", fields=["crowd", "reference"]),
            models.CheckConstraint(name="assignment_has_reference", condition=~Q(reference="")),
            models.CheckConstraint(
                name="assignment_finished_after", condition=Q(finished_at=None) | Q(finished_at__gte=F("begun_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"


class AssignmentPage(models.Model):
    """A page of pictures that was sent for an assignment: for one only."""

    batch = models.OneToOneField(Batch, primary_key=True, on_delete=models.PROTECT, related_name="assignment_page")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="pages")

    def __str__(self) -> str:
        return f"{self.batch_id} for {self.assignment_id}"

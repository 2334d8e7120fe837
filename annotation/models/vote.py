import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField
from django.utils.translation import gettext_lazy as _

from annotation.models.annotator import Annotator
from annotation.models.campaign import Campaign
from annotation.models.question import Question
from hierarchy.models import Synset


class Batch(models.Model):
    """One page of questions of one synset, leased to one annotator until `expires_at` by the database's clock.

    A page whose outcome is IMPORTED was never leased: it holds votes that were given elsewhere, from the first of them
    (`leased_at`) to the import (`expires_at`, `closed_at`).
    """

    class Outcome(models.TextChoices):
        SUBMITTED = "SUBMITTED", _("submitted")
        RETURNED = "RETURNED", _("returned")
        IMPORTED = "IMPORTED", _("imported")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="batches", db_index=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="batches")
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False)
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, blank=True)
    late = models.BooleanField(default=False, help_text="the votes came after the lease had expired")
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 (many batches have none)
    body_sha256 = models.BinaryField(max_length=32, null=True, blank=True)
    recorded = models.SmallIntegerField(null=True, blank=True, help_text="votes that the answer confirmed")
    undone_at = models.DateTimeField(null=True, blank=True)
    lapsed = models.BooleanField(
        default=False, db_default=False, help_text="expired, and its questions are held no more"
    )
    places = ArrayField(
        models.IntegerField(),
        default=list,
        db_default=[],
        blank=True,
        help_text="by band of priority, the lot from which its annotator's walk through the synset goes on",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="batch_key_once_per_annotator", fields=["annotator", "idempotency_key"]),
            models.UniqueConstraint(name="batch_of_annotator", fields=["id", "annotator"]),
            models.CheckConstraint(name="batch_expires_after_lease", condition=Q(expires_at__gt=F("leased_at"))),
            models.CheckConstraint(
                name="batch_outcome_is_whole",
                condition=Q(outcome="", closed_at=None, idempotency_key=None, body_sha256=None, recorded=None)
                | Q(
                    outcome="RETURNED",
                    closed_at__isnull=False,
                    idempotency_key=None,
                    body_sha256=None,
                    recorded=None,
                )
                | Q(
                    outcome="SUBMITTED",
                    closed_at__isnull=False,
                    idempotency_key__isnull=False,
                    body_sha256__isnull=False,
                    recorded__isnull=False,
                )
                | Q(
                    outcome="IMPORTED",
                    closed_at__isnull=False,
                    idempotency_key=None,
                    body_sha256=None,
                    recorded__isnull=False,
                    late=False,
                ),
            ),
            models.CheckConstraint(
                name="batch_undone_was_submitted", condition=Q(undone_at=None) | Q(outcome="SUBMITTED")
            ),
            models.CheckConstraint(
                name="batch_body_sha256_length",
                condition=RawSQL("octet_length(body_sha256) = 32", (), output_field=BooleanField()),
            ),
        ]
        indexes = [
            models.Index(name="batch_history", fields=["annotator", "-leased_at"]),
            models.Index(name="batch_open", fields=["annotator", "expires_at"], condition=Q(closed_at__isnull=True)),
            models.Index(name="batch_to_lapse", fields=["expires_at"], condition=Q(closed_at=None, lapsed=False)),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"


class BatchItem(models.Model):
    """A question on a leased page, at its position (from 1). Gold stands `beside` an ordinary question of the page's synset, as which it comes
    and goes (docs/adr/0038); other questions, imported gold and that of earlier versions stand beside none."""

    pk = models.CompositePrimaryKey("batch_id", "position")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.SmallIntegerField()
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="batch_items", db_index=False)
    beside = models.ForeignKey(
        Question, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            # It also finds the pages with gold beside a question.
            models.UniqueConstraint(
                name="batch_item_beside_once", fields=["beside", "batch"], condition=Q(beside__isnull=False)
            ),
            models.CheckConstraint(
                name="batch_item_beside_another", condition=Q(beside=None) | ~Q(beside=F("question"))
            ),
            # In this order it also finds the pages of a question.
            models.UniqueConstraint(name="batch_item_question_once", fields=["question", "batch"]),
            models.UniqueConstraint(name="batch_item_of_vote", fields=["batch", "position", "question"]),
            models.CheckConstraint(name="batch_item_position_from_one", condition=Q(position__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.position}"


class VoteQuerySet(models.QuerySet["Vote"]):
    def standing(self) -> "VoteQuerySet":
        return self.filter(withdrawn_at__isnull=True)

    def ever_on(self, question_id: int) -> "VoteQuerySet":
        """Votes on a question, withdrawn ones as well: found over the pages it was on, as only standing ones have an index."""
        pages = BatchItem.objects.filter(question=question_id)
        return self.filter(question=question_id, batch__in=pages.values("batch"))


class Vote(models.Model):
    """An annotator's answer to a question. Appended; only `withdrawn_at` is ever set later, which a trigger guards.

    Foreign keys of several columns tie it to the page it was given on (migration 0002), and so to all that the page refers to.
    """

    class Answer(models.TextChoices):
        YES = "YES", "yes"
        UNSURE = "UNSURE", "unsure"
        NO = "NO", "no"

    question = models.ForeignKey(
        Question, on_delete=models.PROTECT, related_name="votes", db_index=False, db_constraint=False
    )
    annotator = models.ForeignKey(
        Annotator, on_delete=models.PROTECT, related_name="votes", db_index=False, db_constraint=False
    )
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="votes", db_index=False, db_constraint=False
    )
    position = models.SmallIntegerField()
    answer = models.CharField(max_length=6, choices=Answer.choices)
    milliseconds = models.IntegerField(null=True, blank=True, help_text="on the picture before the answer")
    late = models.BooleanField(default=False)
    voted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = VoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="vote_once_per_annotator",
                fields=["question", "annotator"],
                condition=Q(withdrawn_at__isnull=True),
            ),
            models.UniqueConstraint(name="vote_once_per_position", fields=["batch", "position"]),
            models.CheckConstraint(name="vote_answer_known", condition=Q(answer__in=["YES", "UNSURE", "NO"])),
            models.CheckConstraint(
                name="vote_milliseconds_range",
                condition=Q(milliseconds=None) | Q(milliseconds__gte=0, milliseconds__lte=60_000),
            ),
            models.CheckConstraint(
                name="vote_withdrawn_after", condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("voted_at"))
            ),
        ]
        indexes = [models.Index(name="vote_of_annotator", fields=["annotator", "id"])]

    def __str__(self) -> str:
        return f"{self.question_id} {self.answer}"

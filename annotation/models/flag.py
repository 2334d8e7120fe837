from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from annotation.models.annotator import Annotator
from annotation.models.question import Question
from annotation.models.vote import Batch
from hierarchy.models import Synset

TEXT_LENGTH = 1000


class FlagQuerySet(models.QuerySet["Flag"]):
    def standing(self) -> "FlagQuerySet":
        return self.filter(withdrawn_at__isnull=True)

    def waiting(self) -> "FlagQuerySet":
        """Those that a curator has still to look at."""
        return self.filter(withdrawn_at__isnull=True, closed_at__isnull=True)


class Flag(models.Model):
    """An annotator's report on a picture, or on its synset's definition; beside the votes, and no evidence of anything.

    One row for each annotator, thing and kind: `withdrawn_at` is emptied when it is raised again. Foreign keys of several
    columns tie it to a page that its annotator had (migration 0016). `closed_by` of a closed one is empty when that account
    was deleted; `text` is emptied with the account of whoever wrote it.
    """

    class Kind(models.TextChoices):
        OFFENSIVE = "OFFENSIVE", "offensive"
        PRIVATE_PERSON = "PRIVATE_PERSON", "shows a private person"
        BROKEN = "BROKEN", "broken"
        DRAWING = "DRAWING", "drawing, not a photo"
        DEFINITION = "DEFINITION", "wrong definition"
        CONTESTED = "CONTESTED", "contested"

    class Outcome(models.TextChoices):
        DISMISSED = "DISMISSED", _("nothing is wrong")
        DONE = "DONE", _("dealt with")
        DISPUTED = "DISPUTED", _("sent to the disputes")
        RETIRED = "RETIRED", _("gold retired")

    annotator = models.ForeignKey(
        Annotator, on_delete=models.PROTECT, related_name="flags", db_index=False, db_constraint=False
    )
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="flags", db_index=False, db_constraint=False
    )
    position = models.SmallIntegerField(null=True, blank=True)
    question = models.ForeignKey(
        Question,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="flags",
        db_index=False,
        db_constraint=False,
    )
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=14, choices=Kind.choices)
    text = models.TextField(blank=True, help_text="why an answer is contested")
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    outcome = models.CharField(max_length=9, choices=Outcome.choices, blank=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="flag_once_per_question",
                fields=["annotator", "question", "kind"],
                condition=Q(question__isnull=False),
            ),
            models.UniqueConstraint(
                name="flag_once_per_synset", fields=["annotator", "synset", "kind"], condition=Q(question__isnull=True)
            ),
            models.CheckConstraint(
                name="flag_kind_of_thing",
                condition=Q(kind="DEFINITION", question=None, position=None)
                | Q(
                    kind__in=["OFFENSIVE", "PRIVATE_PERSON", "BROKEN", "DRAWING", "CONTESTED"],
                    question__isnull=False,
                    position__isnull=False,
                ),
            ),
            models.CheckConstraint(name="flag_text_of_contest", condition=Q(text="") | Q(kind="CONTESTED")),
            models.CheckConstraint(
                name="flag_text_length",
                condition=RawSQL("char_length(text) <= 1000", (), output_field=models.BooleanField()),
            ),
            models.CheckConstraint(
                name="flag_closed_is_whole",
                condition=Q(closed_at=None, closed_by=None, outcome="")
                | Q(
                    closed_at__isnull=False,
                    closed_at__gte=F("created_at"),
                    outcome__in=["DISMISSED", "DONE", "DISPUTED", "RETIRED"],
                ),
            ),
            models.CheckConstraint(
                name="flag_withdrawn_after", condition=Q(withdrawn_at=None) | Q(withdrawn_at__gte=F("created_at"))
            ),
        ]
        indexes = [
            models.Index(name="flag_waiting", fields=["id"], condition=Q(closed_at=None, withdrawn_at=None)),
            models.Index(
                name="flag_waiting_of_question",
                fields=["question"],
                condition=Q(closed_at=None, withdrawn_at=None, question__isnull=False),
            ),
            models.Index(
                name="flag_waiting_of_synset",
                fields=["synset"],
                condition=Q(closed_at=None, withdrawn_at=None, question=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.question_id or self.synset_id} by annotator {self.annotator_id}"

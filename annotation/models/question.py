from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Floor, Random
from django.db.models.lookups import GreaterThan
from django.utils.translation import gettext_lazy as _

from annotation.models.campaign import Campaign
from annotation.models.snapshot import Snapshot
from hierarchy.models import Candidate, Synset

# Lots are whole numbers from 0 to below this.
RING = 2**31
LARGEST_SET = 100


class QuestionQuerySet(models.QuerySet["Question"]):
    def unfinished(self) -> "QuestionQuerySet":
        return self.filter(state__in=UNFINISHED, closed_at__isnull=True)

    def due(self) -> "QuestionQuerySet":
        """Those whose estimates are to be made again."""
        return self.filter(
            pk__in=DueQuestions.objects.annotate(each=Func("questions", function="unnest")).values("each")
        )


class Question(models.Model):
    """A candidate put to annotators in a campaign.

    `votes_wanted`: votes in time plus live leases may reach it, never pass it. `priority`: how much the next vote is
    expected to tell, in coarse bands (`annotation.consensus.information`). `closed_at`: its campaign was closed before it was
    finished.

    `lot` is drawn once and shown to nobody: the order in which annotators meet a synset's questions goes by it. So that a
    lease reads no other table, two numbers are kept here under the row's lock, for questions that are no gold: `votes_in_time`
    counts the standing votes that were in time, of annotators who are not barred, and `held_until` has when each live lease
    expires; what lies in the past counts no more, and whoever leases next clears it away. `has_room`: both together are fewer
    than the votes wanted; indexes hold this and not the numbers, so that most leases and votes touch none. `is_gold` is set by a
    trigger of `Gold`.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", _("open")
        ACCEPTED = "ACCEPTED", _("accepted")
        REJECTED = "REJECTED", _("rejected")
        DISPUTED = "DISPUTED", _("disputed")

    # Keys of several columns (migration 0002) say more than one for each of these would.
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="questions", db_index=False, db_constraint=False
    )
    candidate = models.ForeignKey(
        Candidate, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    votes_wanted = models.SmallIntegerField()
    priority = models.SmallIntegerField(default=0)
    asked_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    lot = models.IntegerField(db_default=Cast(Floor(Random() * Value(RING)), models.IntegerField()), editable=False)
    votes_in_time = models.SmallIntegerField(default=0, db_default=0)
    held_until = ArrayField(models.DateTimeField(), default=list, db_default=[], blank=True)
    has_room = models.GeneratedField(
        expression=GreaterThan(F("votes_wanted"), F("votes_in_time") + Func(F("held_until"), function="cardinality")),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    is_gold = models.BooleanField(default=False, db_default=False, editable=False)

    objects = QuestionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="question_once_per_campaign", fields=["candidate", "campaign"]),
            models.UniqueConstraint(
                name="question_one_unfinished_per_candidate",
                fields=["candidate"],
                condition=Q(state__in=["OPEN", "DISPUTED"], closed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="question_state_known", condition=Q(state__in=["OPEN", "ACCEPTED", "REJECTED", "DISPUTED"])
            ),
            models.CheckConstraint(
                name="question_decided_has_time",
                condition=Q(state__in=["OPEN", "DISPUTED"], decided_at=None)
                | Q(state__in=["ACCEPTED", "REJECTED"], decided_at__isnull=False),
            ),
            models.CheckConstraint(name="question_votes_wanted_not_negative", condition=Q(votes_wanted__gte=0)),
            models.CheckConstraint(name="question_priority_range", condition=Q(priority__gte=0, priority__lte=7)),
            models.CheckConstraint(name="question_lot_range", condition=Q(lot__gte=0)),
            models.CheckConstraint(name="question_votes_in_time_not_negative", condition=Q(votes_in_time__gte=0)),
            models.CheckConstraint(name="gold_stays_open", condition=Q(is_gold=False) | Q(state="OPEN")),
        ]
        indexes = [
            models.Index(
                name="question_to_lease",
                fields=["campaign", "synset", "priority", "lot"],
                condition=Q(state="OPEN", closed_at__isnull=True, is_gold=False, has_room=True),
            ),
            models.Index(name="question_gold", fields=["campaign", "synset", "lot"], condition=Q(is_gold=True)),
            models.Index(name="question_progress", fields=["campaign", "synset", "state"]),
        ]

    def __str__(self) -> str:
        return f"question {self.pk}"


UNFINISHED = (Question.State.OPEN, Question.State.DISPUTED)


class DueQuestions(models.Model):
    """Questions of a campaign whose estimates are to be made again, the earliest `due_at` first: those of one page of votes, or a part of
    what changed otherwise. The row goes when they have been estimated."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+", db_index=False)
    questions = ArrayField(models.BigIntegerField())
    due_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="due_in_turn", fields=["due_at", "id"])]
        constraints = [
            models.CheckConstraint(
                name="due_questions_number", condition=Q(questions__len__gte=1, questions__len__lte=LARGEST_SET)
            )
        ]

    def __str__(self) -> str:
        return f"{len(self.questions)} questions due at {self.due_at}"


class SetAside(models.Model):
    """A question whose estimate could not be made, so that it does not keep others from theirs. Any new evidence on it, or somebody who
    asks for it, has it tried again; the row goes when that succeeds."""

    question = models.OneToOneField(Question, on_delete=models.CASCADE, primary_key=True, related_name="aside")
    failed_at = models.DateTimeField()
    failures = models.IntegerField(default=1)
    error = models.CharField(max_length=500, help_text="the last one, shortened")

    class Meta:
        constraints = [models.CheckConstraint(name="set_aside_with_error", condition=Q(failures__gte=1) & ~Q(error=""))]

    def __str__(self) -> str:
        return f"question {self.question_id} failed {self.failures} times: {self.error}"


class Gold(models.Model):
    """A question whose truth is known. While active it never leaves OPEN.

    `exposures` counts the annotators who were shown the question on a page, whatever became of it; imported pages were shown to
    nobody. MISSED gold was suspended because good annotators speak against it, and waits for a curator; RELEASED gold, which votes had
    settled, got its label.
    """

    class Truth(models.TextChoices):
        YES = "YES", _("yes")
        NO = "NO", _("no")

    class Source(models.TextChoices):
        IMPORT = "IMPORT", _("import")
        CURATOR = "CURATOR", _("curator")
        SETTLED = "SETTLED", _("settled")

    class End(models.TextChoices):
        RETIRED = "RETIRED", "retired"
        CLOSED = "CLOSED", "closed with its campaign"
        RELEASED = "RELEASED", "released"
        MISSED = "MISSED", "missed by good annotators"

    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="gold", db_index=False)
    truth = models.CharField(max_length=3, choices=Truth.choices)
    source = models.CharField(max_length=7, choices=Source.choices)
    active = models.BooleanField(default=True)
    exposures = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=8, choices=End.choices, blank=True, db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="gold_end_is_whole",
                # An earlier version, while it still runs, says of no end when and why it was.
                condition=Q(ended_at=None, ended_because="")
                | Q(
                    active=False, ended_at__isnull=False, ended_because__in=["RETIRED", "CLOSED", "RELEASED", "MISSED"]
                ),
            ),
            models.UniqueConstraint(name="gold_one_active_per_question", fields=["question"], condition=Q(active=True)),
            models.CheckConstraint(name="gold_truth_known", condition=Q(truth__in=["YES", "NO"])),
            models.CheckConstraint(name="gold_source_known", condition=Q(source__in=["IMPORT", "CURATOR", "SETTLED"])),
            models.CheckConstraint(name="gold_exposures_not_negative", condition=Q(exposures__gte=0)),
        ]
        indexes = [
            models.Index(name="gold_of_question", fields=["question"]),
            # Few: what votes settled and is to be released, and what a curator has to look at.
            models.Index(name="gold_settled", fields=["id"], condition=Q(active=True, source="SETTLED")),
            models.Index(name="gold_missed", fields=["id"], condition=Q(ended_because="MISSED")),
        ]

    def __str__(self) -> str:
        return f"{self.question_id} is {self.truth}"


class Estimate(models.Model):
    """What the model believes of a question, from all its votes under one snapshot; votes of barred annotators count
    nothing."""

    question = models.OneToOneField(Question, on_delete=models.CASCADE, primary_key=True, related_name="estimate")
    log_odds = models.FloatField(help_text="of yes against no; natural logarithm")
    probability = models.FloatField(help_text="that the image shows the synset")
    votes = models.IntegerField(help_text="votes used")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+", db_index=False)
    estimated_at = models.DateTimeField()

    class Meta:
        # Estimates of earlier snapshots are made again, the oldest first.
        indexes = [models.Index(name="estimate_by_snapshot", fields=["snapshot", "question"])]
        constraints = [
            models.CheckConstraint(
                name="estimate_probability_in_range", condition=Q(probability__gte=0, probability__lte=1)
            ),
            models.CheckConstraint(name="estimate_votes_not_negative", condition=Q(votes__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.question_id}: {self.probability:.3f}"


class Dispute(models.Model):
    """A question for a curator. `version` grows when the evidence changes, so that nobody decides on stale evidence.

    A dispute of a finished question (reason FLIP or FLAGGED) leaves its label as it is until a curator decides. `settled_by` of a settled
    one is empty when that account was deleted.
    """

    class Reason(models.TextChoices):
        VOTES_SPENT = "VOTES_SPENT", "votes did not settle it"
        FLIP = "FLIP", "what is known now speaks against the label"
        FLAGGED = "FLAGGED", "annotators flagged it, and a curator sent it here"

    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="disputes", db_index=False)
    reason = models.CharField(max_length=11, choices=Reason.choices)
    version = models.IntegerField(default=1)
    snapshot = models.ForeignKey(
        Snapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="that sent it here"
    )
    opened_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    verdict = models.CharField(max_length=8, blank=True)
    explanation = models.TextField(blank=True, help_text="the curator's reason")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="dispute_one_open_per_question", fields=["question"], condition=Q(settled_at__isnull=True)
            ),
            models.CheckConstraint(
                name="dispute_settled_is_whole",
                condition=Q(settled_at=None, settled_by=None, verdict="", explanation="")
                | (
                    # A comparison with NULL is neither true nor false, and only false breaks a constraint.
                    Q(settled_at__isnull=False, settled_at__gte=F("opened_at"))
                    & Q(verdict__in=["ACCEPTED", "REJECTED"])
                    & ~Q(explanation="")
                ),
            ),
            models.CheckConstraint(
                name="dispute_reason_known", condition=Q(reason__in=["VOTES_SPENT", "FLIP", "FLAGGED"])
            ),
        ]
        indexes = [
            models.Index(name="dispute_of_question", fields=["question"]),
            models.Index(name="dispute_open", fields=["id"], condition=Q(settled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"dispute {self.pk}"

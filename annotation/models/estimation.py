from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotation.models.campaign import Campaign
from annotation.models.snapshot import Snapshot
from hierarchy.models import Synset


class Estimation(models.Model):
    """One run over all votes that learns how annotators answer, from its start to the snapshot it publishes.

    It goes in passes. In each pass every shard of the votes is asked with the `course` as it stands; whoever ends the last
    one sums up what they said. BLIND fits without the truth of any question, CLAMPED with it; in RULES gold says when it is
    safe to stop asking. What is needed only while it runs is emptied at its end. DONE without a snapshot: `reason` says
    why nothing was published.
    """

    class Status(models.TextChoices):
        RUNNING = "RUNNING", "running"
        DONE = "DONE", "done"
        FAILED = "FAILED", "failed"

    class Stage(models.TextChoices):
        BLIND = "BLIND", "without truth"
        CLAMPED = "CLAMPED", "with truth"
        RULES = "RULES", "rules"

    status = models.CharField(max_length=7, choices=Status.choices, default=Status.RUNNING)
    stage = models.CharField(max_length=7, choices=Stage.choices, default=Stage.BLIND)
    based_on = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+", db_index=False)
    snapshot = models.OneToOneField(
        Snapshot,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="estimation",
        help_text="that came of it",
    )
    newest_vote = models.BigIntegerField(help_text="id of the newest vote when it started")
    annotator_ids = models.BinaryField(
        default=b"", blank=True, help_text="whose votes are read: numbers of 64 bits, ascending"
    )
    start = models.JSONField(help_text="parameters with which the stage began")
    course = models.BinaryField(default=b"", blank=True, help_text="what the pass that is due asks with")
    previous = models.BinaryField(
        default=b"", blank=True, help_text="what the pass before it, in the same stage, asked with"
    )
    blind_rounds = models.PositiveIntegerField(default=0, help_text="of the stage without truth")
    shards = models.SmallIntegerField(help_text="into which votes are split, by their question's id")
    passes = models.IntegerField(default=0, help_text="ended")
    rounds = models.IntegerField(default=0, help_text="of the stage")
    log_likelihood = models.FloatField(null=True, blank=True)
    gold_loss = models.FloatField(null=True, blank=True, help_text="mean, in nats, on gold that was held out")
    synset_loss = models.FloatField(null=True, blank=True, help_text="the same with the shares of synsets")
    synset_factors = models.BinaryField(
        default=b"", blank=True, help_text="log factors of synsets, where they are kept"
    )
    rules = models.JSONField(default=list, blank=True, help_text="that gold has been asked about")
    votes = models.BigIntegerField(default=0)
    questions = models.BigIntegerField(default=0)
    gold = models.IntegerField(default=0)
    failures = models.SmallIntegerField(default=0, help_text="since something last went well")
    reason = models.TextField(blank=True)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    progressed_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="estimation_one_running", fields=["status"], condition=Q(status="RUNNING")),
            models.CheckConstraint(
                name="estimation_status_is_whole",
                condition=Q(status="RUNNING", finished_at=None, snapshot=None)
                | (Q(status="DONE", finished_at__isnull=False) & (Q(snapshot__isnull=False) | ~Q(reason="")))
                | (Q(status="FAILED", finished_at__isnull=False, snapshot=None) & ~Q(reason="")),
            ),
            models.CheckConstraint(name="estimation_stage_known", condition=Q(stage__in=["BLIND", "CLAMPED", "RULES"])),
            models.CheckConstraint(
                name="estimation_counts_in_range",
                condition=Q(
                    shards__gte=1,
                    passes__gte=0,
                    rounds__gte=0,
                    votes__gte=0,
                    questions__gte=0,
                    gold__gte=0,
                    failures__gte=0,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"estimation {self.pk}"


class EstimationShard(models.Model):
    """The votes on some of the questions (queries.stripes), as they stood when they were first read.

    `passes` says how many passes have asked it; `statistics` are what it said in the last of them, or, after a first pass that
    only draws a sample, the votes that were drawn. `known` are those of its votes whose questions' truth is known.
    """

    estimation = models.ForeignKey(Estimation, on_delete=models.CASCADE, related_name="parts", db_index=False)
    shard = models.SmallIntegerField()
    passes = models.IntegerField(default=0)
    votes = models.BinaryField(null=True, blank=True)
    known = models.BinaryField(null=True, blank=True)
    figures = models.JSONField(default=dict, blank=True, help_text="how many votes, and how far they agree")
    statistics = models.BinaryField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="estimation_shard_once", fields=["estimation", "shard"]),
            models.CheckConstraint(
                name="estimation_shard_asked_is_whole",
                condition=Q(passes=0, votes=None, known=None, statistics=None, asked_at=None)
                | (
                    Q(passes__gt=0, votes__isnull=False, known__isnull=False)
                    & Q(statistics__isnull=False, asked_at__isnull=False)
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"shard {self.shard} of estimation {self.estimation_id}"


class Measurement(models.Model):
    """How good the labels of a campaign, or of one synset in it, are known to be, when a snapshot was published.

    `annotation.queries.measurements` says what `values` holds.
    """

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="measurements", db_index=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="measurements")
    synset = models.ForeignKey(
        Synset,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="empty: all",
    )
    values = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="measurement_once", fields=["snapshot", "campaign", "synset"], nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"campaign {self.campaign_id}, synset {self.synset_id} under snapshot {self.snapshot_id}"


class RescoredRange(models.Model):
    """A range of questions among which the open ones are to be estimated again under the snapshot in force. Those with ids up
    to `reached` have been; when `last` is reached, the row goes."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="+", db_index=False)
    reached = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="rescored_range_once", fields=["snapshot", "last"]),
            models.CheckConstraint(name="rescored_range_goes_on", condition=Q(reached__lt=F("last"))),
        ]

    def __str__(self) -> str:
        return f"questions {self.reached + 1} to {self.last} under snapshot {self.snapshot_id}"

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from hierarchy.models import Synset


class Campaign(models.Model):
    """A set of synsets opened for verification."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", _("draft")
        OPEN = "OPEN", _("open")
        PAUSED = "PAUSED", _("paused")
        CLOSED = "CLOSED", _("closed")

    class Layout(models.TextChoices):
        GRID = "GRID", _("All pictures at once")
        CARDS = "CARDS", _("One picture after the other")
        CHOICE = "CHOICE", _("Each person chooses")

    name = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=200)
    instructions = models.TextField(blank=True, help_text="shown to annotators above every page of pictures")
    state = models.CharField(max_length=6, choices=State.choices, default=State.DRAFT)
    layout = models.CharField(
        max_length=6,
        choices=Layout.choices,
        default=Layout.CHOICE,
        db_default=Layout.CHOICE,
        help_text="how annotators see a page",
    )
    synsets = models.ManyToManyField(Synset, through="CampaignSynset", related_name="+")
    drafted_at = models.DateTimeField()
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="campaign_state_has_times",
                condition=Q(state="DRAFT", opened_at=None, closed_at=None)
                | Q(state__in=["OPEN", "PAUSED"], opened_at__isnull=False, closed_at=None)
                | Q(state="CLOSED", closed_at__isnull=False),
            ),
            models.CheckConstraint(name="campaign_layout_known", condition=Q(layout__in=["GRID", "CARDS", "CHOICE"])),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignSynset(models.Model):
    """A synset of a campaign, in the order in which it is served."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="campaign_synsets")
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+")
    position = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="campaign_synset_once", fields=["campaign", "synset"]),
            models.UniqueConstraint(name="campaign_synset_position_once", fields=["campaign", "position"]),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.synset_id}"


class CampaignRange(models.Model):
    """What is left to do with the candidates (ASK) or questions of a campaign, whose ids go from `first` to `last`. Those up to `reached`
    have been; when `last` is reached, the row goes."""

    class Kind(models.TextChoices):
        ASK = "ASK", "its candidates are being put to annotators"
        DECIDE = "DECIDE", "its rules are being applied to open questions"
        CLOSE = "CLOSE", "its questions are being closed"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="ranges", db_index=False)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    first = models.BigIntegerField()
    reached = models.BigIntegerField()
    last = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="campaign_range_once", fields=["campaign", "kind"]),
            models.CheckConstraint(name="campaign_range_kind_known", condition=Q(kind__in=["ASK", "DECIDE", "CLOSE"])),
            models.CheckConstraint(
                name="campaign_range_goes_on", condition=Q(reached__gte=F("first") - 1, reached__lt=F("last"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reached + 1} to {self.last} of campaign {self.campaign_id}"

    @property
    def percent(self) -> int:
        """How far it is: a whole number below 100."""
        return 100 * (self.reached - self.first + 1) // (self.last - self.first + 1)


class Policy(models.Model):
    """One version of a campaign's rules. A trigger refuses changes; new rules are a new version. `created_by` is emptied with the account."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="policies")
    version = models.IntegerField()
    target_error = models.FloatField(default=0.05, help_text="share of wrong labels among those decided by votes")
    vote_cap = models.IntegerField(default=10, help_text="votes after which a curator decides")
    page_size = models.IntegerField(default=24, help_text="pictures on a page")
    gold_rate = models.FloatField(default=0.125, help_text="share of what is asked that is gold")
    gold_exposures = models.IntegerField(default=200, help_text="annotators to whom one gold question is shown at most")
    lease_seconds = models.IntegerField(default=1800, help_text="how long a page is kept for its annotator")
    undo_seconds = models.IntegerField(default=60, help_text="how long a page of votes can be taken back")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="policy_version_once", fields=["campaign", "version"]),
            models.CheckConstraint(
                name="policy_target_error_range", condition=Q(target_error__gt=0, target_error__lt=0.5)
            ),
            models.CheckConstraint(name="policy_vote_cap_range", condition=Q(vote_cap__gte=2, vote_cap__lte=100)),
            models.CheckConstraint(name="policy_page_size_range", condition=Q(page_size__gte=1, page_size__lte=100)),
            models.CheckConstraint(name="policy_gold_rate_range", condition=Q(gold_rate__gte=0, gold_rate__lte=0.5)),
            models.CheckConstraint(name="policy_gold_exposures_positive", condition=Q(gold_exposures__gte=1)),
            models.CheckConstraint(
                name="policy_lease_seconds_range", condition=Q(lease_seconds__gte=1, lease_seconds__lte=86_400)
            ),
            models.CheckConstraint(
                name="policy_undo_seconds_range", condition=Q(undo_seconds__gte=0, undo_seconds__lte=3600)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} version {self.version}"

    @property
    def lease_period(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def undo_period(self) -> timedelta:
        return timedelta(seconds=self.undo_seconds)

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from hierarchy.models.checks import IS_SHA256


class AccountMark(models.Model):
    """What the deletion ledger calls an account: random, so that it is never another's, whatever numbers a restore gives again.

    A trigger of the accounts' table makes it, whoever makes the account (an operator made by hand has no annotator). Only
    `delete_account` takes it away; nothing else can delete an account that has one.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.PROTECT, related_name="mark"
    )
    mark = models.UUIDField(db_default=RandomUUID(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(name="account_mark_once", fields=["mark"])]

    def __str__(self) -> str:
        return str(self.mark)


class Annotator(models.Model):
    """A person (or program) that votes. Its number, never the account's, stands on votes.

    `user` is empty when the account was deleted; a trigger keeps the number from ever getting another one. `barred_at` says since
    when a bar is open (`Bar`), whose trigger alone sets it; votes of a barred annotator stay and count nothing.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="annotator"
    )
    joined_at = models.DateTimeField()
    barred_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        # Few are, and all estimates leave out their votes.
        indexes = [models.Index(name="annotator_barred", fields=["id"], condition=Q(barred_at__isnull=False))]

    def __str__(self) -> str:
        return f"annotator {self.pk}"


class Conduct(models.Model):
    """How an annotator answered of late, found anew with each snapshot; whoever has no row is new.

    `hurried`, `monotonous`: signs of answers given without looking (annotation.consensus.signals), which bring more gold and nothing
    else. `circle`: the lowest number of those who make the same mistakes (annotation.consensus.circles); one of them answers a question,
    the others are not asked. `checked`: how often gold is asked.
    """

    class Checked(models.TextChoices):
        MORE = "MORE", _("more often")
        USUAL = "USUAL", _("as often as usual")
        LESS = "LESS", _("less often")

    annotator = models.OneToOneField(Annotator, primary_key=True, on_delete=models.PROTECT, related_name="conduct")
    gold = models.IntegerField(help_text="answers yes or no to questions whose truth was known before")
    right = models.IntegerField(help_text="of these")
    hurried = models.BooleanField()
    monotonous = models.BooleanField()
    circle = models.BigIntegerField(null=True, blank=True)
    checked = models.CharField(max_length=5, choices=Checked.choices)
    found_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="conduct_right_of_gold", condition=Q(right__gte=0, gold__gte=F("right"))),
            models.CheckConstraint(name="conduct_checked_known", condition=Q(checked__in=["MORE", "USUAL", "LESS"])),
            models.CheckConstraint(
                name="conduct_circle_has_its_lowest", condition=Q(circle=None) | Q(circle__lte=F("annotator"))
            ),
        ]
        indexes = [models.Index(name="conduct_of_circle", fields=["circle"], condition=Q(circle__isnull=False))]

    def __str__(self) -> str:
        return f"annotator {self.annotator_id} is checked {self.get_checked_display()}"


class Accuracy(models.Model):
    """What an annotator may know of how well they answer: from 30 answers on gold on, found anew once a day at most, in steps of
    five per cent, so that no page of answers shows in it."""

    annotator = models.OneToOneField(Annotator, primary_key=True, on_delete=models.PROTECT, related_name="accuracy")
    percent = models.SmallIntegerField(help_text="right, of answers yes or no")
    found_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "accuracies"
        constraints = [
            models.CheckConstraint(name="accuracy_in_steps", condition=Q(percent__in=list(range(0, 101, 5)))),
        ]

    def __str__(self) -> str:
        return f"annotator {self.annotator_id}: {self.percent} %"


class ApiToken(models.Model):
    """A key for the API. Only its SHA-256 is kept; the key is shown once."""

    class Scope(models.TextChoices):
        READ = "read", "read"
        ANNOTATE = "annotate", "annotate"
        CURATE = "curate", "curate"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    sha256 = models.BinaryField(max_length=32, unique=True)
    prefix = models.CharField(max_length=8, help_text="the key's first characters, to tell tokens apart")
    scope = models.CharField(max_length=8, choices=Scope.choices)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="api_token_sha256_length", condition=IS_SHA256),
            models.CheckConstraint(name="api_token_scope_known", condition=Q(scope__in=["read", "annotate", "curate"])),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}... ({self.scope})"

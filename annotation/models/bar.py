from django.conf import settings
from django.db import models
from django.db.models import BooleanField, F, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as look_up

from annotation.models.annotator import Annotator

LONGEST_TEXT = 2000


def _has_length(column: str, least: int) -> RawSQL:
    return RawSQL(f"char_length({column}) BETWEEN {least} AND {LONGEST_TEXT}", (), output_field=BooleanField())  # noqa: S611


class Bar(models.Model):
    """That an annotator was stopped, why, and by whom; once it is over, when and by whom it was ended.

    While a bar is open its annotator gets no pages and their votes count nothing: a trigger keeps `Annotator.barred_at`, which
    queries read, in step with it. Another trigger refuses every change but the ending. `by` is empty where the engine decided
    (`by_engine`), or where the curator's account was deleted, as `ended_by` is then.
    """

    class Code(models.TextChoices):
        GUESSES = "GUESSES", "answers no better than guesses"
        SEVERAL_ACCOUNTS = "SEVERAL_ACCOUNTS", "one person with several accounts"
        CONDUCT = "CONDUCT", "against the rules"
        OTHER = "OTHER", "another reason"

    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="bars", db_index=False)
    code = models.CharField(max_length=16, choices=Code.choices)
    reason = models.TextField(help_text="in words; the annotator reads it")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    by_engine = models.BooleanField(default=False)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="bar_one_open_per_annotator", fields=["annotator"], condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                name="bar_code_known", condition=Q(code__in=["GUESSES", "SEVERAL_ACCOUNTS", "CONDUCT", "OTHER"])
            ),
            models.CheckConstraint(name="bar_reason_length", condition=_has_length("reason", 1)),
            models.CheckConstraint(name="bar_by_one", condition=Q(by_engine=False) | Q(by=None)),
            models.CheckConstraint(
                name="bar_ended_is_whole",
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_at__gte=F("begun_at")),
            ),
        ]
        indexes = [models.Index(name="bar_of_annotator", fields=["annotator", "id"])]

    def __str__(self) -> str:
        return f"bar {self.pk} of annotator {self.annotator_id}"

    @property
    def told_reason(self) -> str:
        """In the reader's language where the service gave the reason; as it was typed where a curator did."""
        return look_up(self.reason) if self.by_engine else self.reason


class Appeal(models.Model):
    """What a barred person asks to be read against an open bar, and what a curator answered: the bar is `lifted`, or it stays.

    A trigger refuses every change but the answer. What a person wrote goes with their account.
    """

    bar = models.ForeignKey(Bar, on_delete=models.PROTECT, related_name="appeals", db_index=False)
    text = models.TextField()
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lifted = models.BooleanField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="the person reads it")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="appeal_one_open_per_bar", fields=["bar"], condition=Q(answered_at__isnull=True)
            ),
            models.CheckConstraint(name="appeal_text_length", condition=_has_length("text", 1)),
            models.CheckConstraint(name="appeal_answer_length", condition=_has_length("answer", 0)),
            models.CheckConstraint(
                name="appeal_answered_is_whole",
                condition=Q(answered_at=None, answered_by=None, lifted=None, answer="")
                | (
                    Q(answered_at__isnull=False, answered_at__gte=F("made_at"), lifted__isnull=False)
                    & (Q(lifted=True) | ~Q(answer=""))
                ),
            ),
        ]
        indexes = [
            models.Index(name="appeal_of_bar", fields=["bar", "id"]),
            models.Index(name="appeal_open", fields=["id"], condition=Q(answered_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk} against bar {self.bar_id}"

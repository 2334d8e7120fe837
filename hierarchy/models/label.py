from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from hierarchy.models.image import Candidate
from hierarchy.models.synset import Synset


class LabelQuerySet(models.QuerySet["Label"]):
    def current(self) -> "LabelQuerySet":
        return self.filter(superseded_at__isnull=True)


class Label(models.Model):
    """A verdict on a candidate. A new verdict closes the old row and opens another; nothing else is ever changed.

    `synset` is the candidate's, which a key of both columns holds it to: the best of a synset stand together in an index.
    """

    class Verdict(models.TextChoices):
        ACCEPTED = "ACCEPTED", _("accepted")
        REJECTED = "REJECTED", _("rejected")

    class Source(models.TextChoices):
        CONSENSUS = "CONSENSUS", _("consensus")
        CURATOR = "CURATOR", _("curator")

    candidate = models.ForeignKey(
        Candidate, on_delete=models.PROTECT, related_name="labels", db_index=False, db_constraint=False
    )
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    probability = models.FloatField(help_text="that the image shows the synset")
    votes = models.IntegerField(help_text="votes the verdict rests on")
    source = models.CharField(max_length=9, choices=Source.choices)
    source_ref = models.TextField(help_text="what decided it, for example campaign:demo snapshot:3")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    superseded_at = models.DateTimeField(null=True, blank=True)

    objects = LabelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="label_one_current_per_candidate", fields=["candidate"], condition=Q(superseded_at__isnull=True)
            ),
            models.CheckConstraint(name="label_verdict_known", condition=Q(verdict__in=["ACCEPTED", "REJECTED"])),
            models.CheckConstraint(name="label_source_known", condition=Q(source__in=["CONSENSUS", "CURATOR"])),
            models.CheckConstraint(
                name="label_probability_in_range", condition=Q(probability__gte=0, probability__lte=1)
            ),
            models.CheckConstraint(name="label_votes_not_negative", condition=Q(votes__gte=0)),
            models.CheckConstraint(
                name="label_superseded_after", condition=Q(superseded_at=None) | Q(superseded_at__gte=F("at"))
            ),
        ]
        indexes = [
            models.Index(name="label_history", fields=["candidate", "at"]),
            models.Index(name="label_changed", fields=["at", "id"]),
            models.Index(name="label_of_synset", fields=["synset", "at", "id"]),
            # What a synset looks like, the most certain first. Who may see it is read from the index as well.
            models.Index(
                F("synset"),
                F("probability").desc(),
                F("id"),
                name="label_best",
                condition=Q(verdict="ACCEPTED"),
                include=["at", "superseded_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.candidate_id} {self.verdict}"

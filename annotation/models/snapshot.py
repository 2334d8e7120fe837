from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from annotation.models.annotator import Annotator
from hierarchy.models import Synset


class Snapshot(models.Model):
    """One version of the model: its parameters, what gold made of the rules, and what it was learned from.

    The newest is in force. A trigger refuses changes; `annotation.queries.snapshots` says what the JSON fields hold.
    """

    parameters = models.JSONField()
    rules = models.JSONField(default=list, blank=True, help_text="tolerances by target error and vote cap")
    votes = models.BigIntegerField(default=0, help_text="votes learned from")
    questions = models.BigIntegerField(default=0, help_text="questions learned from")
    gold = models.IntegerField(default=0, help_text="of these with a known truth")
    rounds = models.IntegerField(default=0)
    log_likelihood = models.FloatField(null=True, blank=True)
    report = models.JSONField(default=dict, blank=True, help_text="what was tried, and what came of it")
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="snapshot_counts_not_negative",
                condition=Q(votes__gte=0, questions__gte=0, gold__gte=0, rounds__gte=0),
            )
        ]

    def __str__(self) -> str:
        return f"snapshot {self.pk}"


class Skill(models.Model):
    """How an annotator answers, under one snapshot. Whoever has no row answers as the crowd does.

    `counts` are expected votes by state and answer, state after state. Rates are means of what is believed of them, with
    90 % intervals; `bits` is what one vote tells of the truth. `spam`: answers on gold are no better than guesses.
    """

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="skills", db_index=False)
    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="skills")
    counts = ArrayField(models.FloatField())
    votes = models.IntegerField(help_text="votes that taught it")
    sensitivity = models.FloatField(help_text="P(YES), the truth being yes")
    sensitivity_low = models.FloatField()
    sensitivity_high = models.FloatField()
    specificity = models.FloatField(help_text="P(NO), the truth being no")
    specificity_low = models.FloatField()
    specificity_high = models.FloatField()
    unsure_rate = models.FloatField()
    unsure_rate_low = models.FloatField()
    unsure_rate_high = models.FloatField()
    bits = models.FloatField(help_text="information of one vote about the truth")
    spam = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="skill_once_per_snapshot", fields=["snapshot", "annotator"]),
            models.CheckConstraint(name="skill_counts_not_negative", condition=Q(votes__gte=0, bits__gte=0)),
            models.CheckConstraint(
                name="skill_intervals_ordered",
                condition=Q(
                    sensitivity_low__gte=0,
                    sensitivity__gte=F("sensitivity_low"),
                    sensitivity_high__gte=F("sensitivity"),
                    sensitivity_high__lte=1,
                    specificity_low__gte=0,
                    specificity__gte=F("specificity_low"),
                    specificity_high__gte=F("specificity"),
                    specificity_high__lte=1,
                    unsure_rate_low__gte=0,
                    unsure_rate__gte=F("unsure_rate_low"),
                    unsure_rate_high__gte=F("unsure_rate"),
                    unsure_rate_high__lte=1,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"annotator {self.annotator_id} under snapshot {self.snapshot_id}"


class SynsetPrior(models.Model):
    """What is known under one snapshot of a synset's questions before any vote. A synset without a row is as all are.

    `log_factors` says of each state how much commoner it is there: the natural logarithm of its share over its share
    among all questions. There are rows only where gold that was held out is foretold better with them.
    """

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="synset_priors", db_index=False)
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False)
    log_factors = ArrayField(models.FloatField())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="synset_prior_once", fields=["snapshot", "synset"]),
            models.CheckConstraint(name="synset_prior_has_factors", condition=Q(log_factors__len__gt=0)),
        ]

    def __str__(self) -> str:
        return f"synset {self.synset_id} under snapshot {self.snapshot_id}"

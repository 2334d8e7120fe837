from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from annotation.models.annotator import Annotator
from annotation.models.campaign import Campaign
from hierarchy.models import Image, Synset

EXPLANATION_LENGTH = 1000


class Training(models.Model):
    """What a campaign asks of annotators before their first page, while `active` and while there are items to train with."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, primary_key=True, related_name="training")
    active = models.BooleanField(default=True)
    passing_mark = models.SmallIntegerField(default=80, help_text="per cent of an attempt's items that must be right")
    attempts = models.SmallIntegerField(default=3, help_text="that everybody has, besides those granted")
    quiz_items = models.SmallIntegerField(default=3, help_text="questions on definitions in an attempt")
    practice_items = models.SmallIntegerField(default=7, help_text="pictures in an attempt")
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="training_passing_mark_range", condition=Q(passing_mark__gte=1, passing_mark__lte=100)
            ),
            models.CheckConstraint(name="training_attempts_range", condition=Q(attempts__gte=1, attempts__lte=20)),
            models.CheckConstraint(
                name="training_items_range",
                condition=Q(quiz_items__gte=0, quiz_items__lte=20, practice_items__gte=0, practice_items__lte=40)
                & (Q(quiz_items__gte=1) | Q(practice_items__gte=1)),
            ),
        ]

    def __str__(self) -> str:
        return f"training of campaign {self.campaign_id}"


class TrainingItem(models.Model):
    """Something an annotator trains with. QUIZ: which of the `choices` is right about the synset. PRACTICE: whether the image, which is
    accepted for `shows`, shows the synset; `correct` is 1 for yes, 0 for no. `explanation` is the curators'; without one the page says
    what follows from the row."""

    class Kind(models.TextChoices):
        GLOSS = "GLOSS", "its definition"
        NOTES = "NOTES", "what it includes"
        PRACTICE = "PRACTICE", "a picture"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="training_items", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False)
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    shows = models.ForeignKey(Synset, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    choices = ArrayField(models.TextField(), default=list, blank=True)
    correct = models.SmallIntegerField()
    explanation = models.TextField(blank=True)
    added_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="training_item_picture_once",
                fields=["campaign", "synset", "image"],
                condition=Q(kind="PRACTICE"),
            ),
            models.UniqueConstraint(
                name="training_item_quiz_once",
                fields=["campaign", "synset", "kind"],
                condition=Q(kind__in=["GLOSS", "NOTES"]),
            ),
            models.CheckConstraint(
                name="training_item_of_its_kind",
                condition=Q(kind="PRACTICE", image__isnull=False, choices__len=0, correct__gte=0, correct__lte=1)
                | Q(
                    kind__in=["GLOSS", "NOTES"],
                    image=None,
                    shows=None,
                    choices__len__gte=2,
                    choices__len__lte=6,
                    correct__gte=0,
                    correct__lte=5,
                ),
            ),
            models.CheckConstraint(
                name="training_item_correct_is_a_choice",
                condition=RawSQL(
                    "kind = 'PRACTICE' OR correct < cardinality(choices)", (), output_field=models.BooleanField()
                ),
            ),
            models.CheckConstraint(
                name="training_item_explanation_length",
                condition=RawSQL("char_length(explanation) <= 1000", (), output_field=models.BooleanField()),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.synset_id} of campaign {self.campaign_id}"


class TrainingAttempt(models.Model):
    """One go at a training: the items drawn for it, and the answers to the first of them. Whoever passed once stays passed."""

    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="training_attempts", db_index=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.SmallIntegerField()
    items = ArrayField(models.BigIntegerField())
    answers = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    mark = models.SmallIntegerField(help_text="the passing mark when it began")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    score = models.SmallIntegerField(null=True, blank=True, help_text="per cent")
    passed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="training_attempt_once", fields=["annotator", "campaign", "number"]),
            models.UniqueConstraint(
                name="training_attempt_one_open",
                fields=["annotator", "campaign"],
                condition=Q(finished_at__isnull=True),
            ),
            models.CheckConstraint(
                name="training_attempt_answers_its_items",
                condition=RawSQL(
                    """number >= 1 AND cardinality(items) BETWEEN 1 AND 60 AND cardinality(answers) <= cardinality(items)
                       AND (finished_at IS NULL OR cardinality(answers) = cardinality(items))""",
                    (),
                    output_field=models.BooleanField(),
                ),
            ),
            models.CheckConstraint(
                name="training_attempt_finished_is_whole",
                condition=Q(finished_at=None, score=None, passed=False)
                | Q(finished_at__isnull=False, score__gte=0, score__lte=100, score__isnull=False, passed=False)
                | Q(
                    finished_at__isnull=False,
                    score__gte=models.F("mark"),
                    score__lte=100,
                    score__isnull=False,
                    passed=True,
                ),
            ),
        ]
        indexes = [
            models.Index(name="training_passed", fields=["annotator", "campaign"], condition=Q(passed=True)),
            models.Index(name="training_attempt_of_campaign", fields=["campaign", "-id"]),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of annotator {self.annotator_id} at campaign {self.campaign_id}"


class TrainingGrant(models.Model):
    """One attempt more for one annotator."""

    annotator = models.ForeignKey(Annotator, on_delete=models.PROTECT, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes = [models.Index(name="training_grant_of", fields=["annotator", "campaign"])]

    def __str__(self) -> str:
        return f"an attempt for annotator {self.annotator_id} at campaign {self.campaign_id}"

from django.db import models
from django.db.models import Q

from hierarchy.models.release import Release
from hierarchy.models.synset import Synset


class CountChange(models.Model):
    """By how much a statement changed the candidates and current labels of a synset: the sums of its rows are its counts.

    Triggers on candidates and labels write it, so that nobody waits for anybody else's counts; now and then the rows of a
    synset are folded into one.
    """

    synset = models.ForeignKey(Synset, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    images = models.IntegerField()
    accepted = models.IntegerField()
    rejected = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.synset_id}: {self.images:+d} {self.accepted:+d} {self.rejected:+d}"


class ReleaseCount(models.Model):
    """How many labels of a synset a release was made of, those withheld from its files among them. Written once."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="counts", db_index=False)
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False)
    accepted = models.IntegerField()
    rejected = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="release_count_once", fields=["release", "synset"]),
            models.CheckConstraint(name="release_count_not_negative", condition=Q(accepted__gte=0, rejected__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.release_id} {self.synset_id}: {self.accepted}, {self.rejected}"

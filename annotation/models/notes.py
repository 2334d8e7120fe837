from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from hierarchy.models import Synset

NOTES_LENGTH = 2000


class SynsetNotes(models.Model):
    """One version of what curators say a synset includes and does not; the newest is shown to annotators beside the definition.

    A trigger refuses changes (migration 0017); both empty: there is nothing to say any more. `created_by` is emptied with the account.
    """

    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.IntegerField()
    includes = models.TextField(blank=True)
    excludes = models.TextField(blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="synset_notes_version_once", fields=["synset", "version"]),
            models.CheckConstraint(name="synset_notes_version_from_one", condition=Q(version__gte=1)),
            models.CheckConstraint(
                name="synset_notes_length",
                condition=RawSQL(
                    "char_length(includes) <= 2000 AND char_length(excludes) <= 2000",
                    (),
                    output_field=models.BooleanField(),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.synset_id} version {self.version}"

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hierarchy.models.checks import IS_SHA256


class Release(models.Model):
    """An immutable, checksummed state of all labels. A trigger refuses any change once it is published."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", _("draft")
        PUBLISHED = "PUBLISHED", _("published")

    name = models.SlugField(max_length=100, unique=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    frozen_at = models.DateTimeField(help_text="labels as they stood at this moment")
    manifest = models.JSONField(null=True, blank=True)
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="release_published_is_whole",
                condition=Q(state="DRAFT", published_at=None)
                | Q(state="PUBLISHED", published_at__isnull=False, manifest__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ReleaseFile(models.Model):
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=100)
    sha256 = models.BinaryField(max_length=32)
    size = models.BigIntegerField(help_text="bytes")
    rows = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="release_file_once", fields=["release", "name"]),
            models.CheckConstraint(name="release_file_sha256_length", condition=IS_SHA256),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def storage_name(self) -> str:
        return f"{self.release.name}/{self.name}"

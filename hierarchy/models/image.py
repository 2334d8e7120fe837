from django.conf import settings
from django.db import models
from django.db.models import Q

from hierarchy.models.checks import IS_SHA256
from hierarchy.models.synset import Synset


class Image(models.Model):
    """One picture, known by the SHA-256 of the bytes it came in. Only its re-encoded renditions are kept."""

    class Rendition(models.TextChoices):
        LARGE = "large", "large"
        SMALL = "small", "small"

    sha256 = models.BinaryField(max_length=32, unique=True)
    perceptual_hash = models.BigIntegerField(help_text="64-bit pHash, as a signed number")
    width = models.IntegerField(help_text="of the large rendition")
    height = models.IntegerField(help_text="of the large rendition")
    small_width = models.IntegerField()
    small_height = models.IntegerField()
    source = models.TextField(help_text="where it came from: a URL, or an archive and the name in it")
    author = models.TextField(blank=True)
    licence = models.TextField(blank=True)
    consent_basis = models.TextField(blank=True)
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(name="image_sha256_length", condition=IS_SHA256),
            models.CheckConstraint(
                name="image_sizes_positive",
                condition=Q(width__gt=0, height__gt=0, small_width__gt=0, small_height__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.sha256_hex

    @property
    def sha256_hex(self) -> str:
        return bytes(self.sha256).hex()

    def storage_name(self, rendition: str) -> str:
        """Name in the default storage, spread over 65,536 folders."""
        digest = self.sha256_hex
        return f"images/{rendition}/{digest[:2]}/{digest[2:4]}/{digest}.jpg"


class Candidate(models.Model):
    """An image proposed for a synset: a fact of collection, neither true nor false.

    `prior` is the probability that it is true as its source had it, such as a classifier's score; empty where the source said
    nothing.
    """

    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="candidates", db_index=False)
    synset = models.ForeignKey(Synset, on_delete=models.PROTECT, related_name="candidates")
    collected_at = models.DateTimeField()
    prior = models.FloatField(null=True, blank=True, help_text="probability that the importer gave, before any vote")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="candidate_once", fields=["image", "synset"]),
            # A comparison with NULL is neither true nor false, and only false breaks a constraint. NaN is above all.
            models.CheckConstraint(name="candidate_prior_range", condition=Q(prior__gt=0, prior__lt=1)),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} for {self.synset_id}"

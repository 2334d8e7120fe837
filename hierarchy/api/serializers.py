"""What the API answers."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from hierarchy.models import Image, Label, Release, ReleaseFile, Synset
from hierarchy.queries.pictures import sign_picture

PICTURE_SECONDS = 3600
# Addresses change together at these intervals, so that an answer keeps its ETag in between.
PICTURE_STEP_SECONDS = 600


def find_expiry(now: int) -> int:
    """When a picture's address made at `now` ends (both Unix seconds): after an hour, and at the next full step."""
    return now - now % PICTURE_STEP_SECONDS + PICTURE_STEP_SECONDS + PICTURE_SECONDS


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(required=False, help_text="what is wrong, by field")  # type: ignore[assignment]


class SynsetNameSerializer(serializers.Serializer[Any]):
    wnid = serializers.CharField()
    words = serializers.ListField(child=serializers.CharField())


class SynsetSerializer(SynsetNameSerializer):
    gloss = serializers.CharField()
    safety = serializers.ChoiceField(choices=Synset.Safety.choices)


class RelativeSerializer(serializers.Serializer[Any]):
    """A synset above or below another: `queries.synsets.Relative`."""

    wnid = serializers.CharField(source="synset.wnid")
    words = serializers.ListField(source="synset.words", child=serializers.CharField())
    gloss = serializers.CharField(source="synset.gloss")
    distance = serializers.IntegerField(help_text="links between the two")
    instance = serializers.BooleanField(help_text="every path between the two takes an instance link")


class SynsetDetailSerializer(SynsetSerializer):
    parents = RelativeSerializer(many=True)
    children = serializers.IntegerField(help_text="how many synsets lie directly below")
    path = SynsetNameSerializer(many=True, help_text="one shortest way from the root, the synset itself last")


class SynsetStatsSerializer(serializers.Serializer[Any]):
    """Of the synset and all below it: `queries.counts.SynsetCounts`."""

    descendants = serializers.IntegerField(help_text="synsets below")
    images = serializers.IntegerField(help_text="an image proposed for two synsets counts twice")
    accepted = serializers.IntegerField(help_text="labels that this reader may see")
    rejected = serializers.IntegerField(help_text="labels that this reader may see")


class ImageSerializer(serializers.Serializer[Any]):
    """An image; the context holds `request` and `now`, from which the pictures' addresses are made."""

    id = serializers.CharField(source="sha256_hex", help_text="SHA-256 of the bytes it was imported from")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]
    author = serializers.CharField()
    licence = serializers.CharField()
    consent_basis = serializers.CharField()
    imported_at = serializers.DateTimeField()
    url = serializers.SerializerMethodField(help_text="of the picture; valid for an hour at least")
    small_url = serializers.SerializerMethodField(help_text="of its small rendition; valid for an hour at least")

    def get_url(self, image: Image) -> str:
        return self._sign(image, Image.Rendition.LARGE)

    def get_small_url(self, image: Image) -> str:
        return self._sign(image, Image.Rendition.SMALL)

    def _sign(self, image: Image, rendition: str) -> str:
        request = self.context["request"]
        path = sign_picture(
            image_id=image.pk,
            rendition=rendition,
            audience=f"api:{request.user.pk}",
            expires_at=find_expiry(self.context["now"]),
        )
        return str(request.build_absolute_uri(path))


class LabelSerializer(serializers.Serializer[Any]):
    """Field for field a row of a release's files: `exports.labels.LabelRow`."""

    image = serializers.CharField(help_text="SHA-256 of the image")
    wnid = serializers.CharField()
    verdict = serializers.ChoiceField(choices=Label.Verdict.choices)
    probability = serializers.FloatField(help_text="that the image shows the synset")
    votes = serializers.IntegerField(help_text="votes the verdict rests on")
    source = serializers.ChoiceField(choices=Label.Source.choices)  # type: ignore[assignment]
    at = serializers.DateTimeField(help_text="moment of the verdict")


class ReleaseFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    rows = serializers.IntegerField()
    sha256 = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    def get_sha256(self, file: ReleaseFile) -> str:
        return bytes(file.sha256).hex()

    def get_url(self, file: ReleaseFile) -> str:
        address = reverse("api:release-file", args=[self.context["release"].name, file.name])
        return str(self.context["request"].build_absolute_uri(address))


class ReleaseSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    frozen_at = serializers.DateTimeField(help_text="labels as they stood at this moment")
    published_at = serializers.DateTimeField()
    labels = serializers.IntegerField(source="manifest.labels")


class ReleaseDetailSerializer(ReleaseSerializer):
    manifest = serializers.DictField()
    files = serializers.SerializerMethodField()

    @extend_schema_field(ReleaseFileSerializer(many=True))
    def get_files(self, release: Release) -> Any:
        files = sorted(release.files.all(), key=lambda file: file.name)
        return ReleaseFileSerializer(files, many=True, context={**self.context, "release": release}).data

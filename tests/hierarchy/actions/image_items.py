"""Items of a source, and what an import makes of them."""

from datetime import UTC, datetime

from django.core.files.storage import Storage

from hierarchy.actions import images
from hierarchy.actions.images import Provenance, RefusedItem
from hierarchy.intake.values import SourceItem
from tests.hierarchy.picture_files import jpeg

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
DOG = "n02084071"
CAT = "n02121620"
RED = jpeg(colour="red", size=(640, 480))
BLUE = jpeg(colour="blue")
NOTHING_SAID = Provenance()


class ObjectStore(Storage):
    """Like S3's, it has names but no paths."""

    def __init__(self):
        self.objects: dict[str, bytes] = {}

    def exists(self, name):
        return name in self.objects

    def _save(self, name, content):
        self.objects[name] = content.read()
        return name


def item(data=RED, *, wnid=DOG, place="here", **provenance):
    return SourceItem(place=place, name="a.jpg", wnid=wnid, data=data, **provenance)


def import_items(*items, defaults=NOTHING_SAID):
    """What the import returns, and the refusals it told of."""
    return import_items_from(items, defaults=defaults)


def import_items_from(items, *, defaults=NOTHING_SAID, progress=lambda counts: None):
    refused: list[RefusedItem] = []
    counts = images.import_images(
        items=items, defaults=defaults, by=None, at=AT, on_refusal=refused.append, progress=progress
    )
    return counts, refused


def outcome(counts):
    return counts.images, counts.candidates, counts.already_there, counts.refused.total()

"""What goes on at once in an import, and what becomes of it when something fails."""

import os
import threading
from pathlib import Path

import pytest

from hierarchy.actions import images, renditions
from hierarchy.imaging.processor import ImageProcessor
from hierarchy.models import Candidate, Image
from tests.hierarchy.actions.image_items import ObjectStore, import_items, import_items_from, item
from tests.hierarchy.picture_files import jpeg
from tests.hierarchy.rows import make_synset

pytestmark = [pytest.mark.django_db, pytest.mark.functional]

PATIENCE_SECONDS = 60
COUNT = 8


class WatchedProcessor(ImageProcessor):
    """Remembers what was submitted to it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.futures = []

    def submit(self, picture):
        self.futures.append(super().submit(picture))
        return self.futures[-1]


@pytest.fixture(autouse=True)
def _chunks_of_one(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(images, "CHUNK_ITEMS", 1)
    make_synset(2084071, "dog")


@pytest.fixture
def processors(monkeypatch):
    """The processor of each import, once it runs."""
    made = []

    def make(**options):
        made.append(WatchedProcessor(**options))
        return made[-1]

    monkeypatch.setattr(images, "ImageProcessor", make)
    return made


@pytest.fixture
def pictures():
    return [item(jpeg(size=(20 + number, 20)), place=f"{number}") for number in range(COUNT)]


def list_own_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("imaging", "renditions"))]


def test_the_next_picture_is_decoded_while_one_is_stored(processors, pictures, monkeypatch):
    decoded = []

    class SlowStore(ObjectStore):
        def _save(self, name, content):
            # It waits for the very thing that would never come if storing came first.
            decoded.append(processors[0].futures[images.CHUNKS_AHEAD].result(timeout=PATIENCE_SECONDS))
            return super()._save(name, content)

    monkeypatch.setattr(renditions, "default_storage", SlowStore())

    import_items(*pictures[: images.CHUNKS_AHEAD + 1])

    assert len(decoded) == 2 * Image.objects.count() == 2 * (images.CHUNKS_AHEAD + 1)


def test_only_a_few_chunks_are_in_memory(pictures):
    behind: list[int] = []
    left = list(pictures)
    read = (left.pop(0) for _ in pictures)

    import_items_from(read, progress=lambda counts: behind.append(COUNT - len(left) - counts.images))

    assert behind == [*[images.CHUNKS_AHEAD] * (COUNT - images.CHUNKS_AHEAD), *reversed(range(images.CHUNKS_AHEAD))]


def test_chunks_are_stored_in_the_order_of_the_source(pictures):
    import_items(*pictures)

    assert list(Image.objects.order_by("pk").values_list("source", flat=True)) == [str(n) for n in range(COUNT)]


def test_an_import_that_cannot_store_fails_and_leaves_nothing_running(processors, pictures, monkeypatch):
    class FullStore(ObjectStore):
        def _save(self, name, content):
            if len(self.objects) >= 3:  # in the middle of the second chunk
                raise OSError("no space left on device")
            return super()._save(name, content)

    monkeypatch.setattr(renditions, "default_storage", FullStore())

    with pytest.raises(OSError, match="no space left"):
        import_items(*pictures)

    assert Image.objects.count() == Candidate.objects.count() == 1
    assert [worker.child for worker in processors[0].workers if worker.child] == []
    assert list_own_threads() == []


def test_a_source_that_breaks_leaves_nothing_running_either(processors, pictures):
    def break_off():
        yield from pictures
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        import_items_from(break_off())

    assert Candidate.objects.count() == COUNT
    assert [worker.child for worker in processors[0].workers if worker.child] == []
    assert list_own_threads() == []


def test_files_and_all_folders_that_lead_to_them_are_forced_to_the_disk(pictures, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))

    import_items(pictures[0])

    image = Image.objects.get()
    paths = [tmp_path / image.storage_name(rendition) for rendition in Image.Rendition]
    parts = {path.with_name(path.name + renditions.PART_SUFFIX) for path in paths}
    folders = {folder for path in paths for folder in path.parents if folder.is_relative_to(tmp_path)}
    assert set(synced[:2]) == parts
    assert set(synced[2:]) == folders


def test_no_row_says_that_there_is_a_file_which_the_disk_does_not_hold(pictures, monkeypatch):
    def fail(descriptor):
        raise OSError("input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="input/output error"):
        import_items(pictures[0])

    assert not Image.objects.exists()

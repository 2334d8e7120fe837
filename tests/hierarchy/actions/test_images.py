import hashlib
import io

import pytest
from django.core.files.storage import default_storage
from PIL import Image as Picture

from hierarchy.actions import images, renditions
from hierarchy.actions.images import Provenance
from hierarchy.intake.values import Refusal, RefusalReason
from hierarchy.models import Candidate, Image
from tests.hierarchy.actions.image_items import (
    AT,
    BLUE,
    CAT,
    DOG,
    RED,
    ObjectStore,
    import_items,
    import_items_from,
    item,
    outcome,
)
from tests.hierarchy.picture_files import jpeg
from tests.hierarchy.rows import make_synset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def _synsets():
    make_synset(2084071, "dog")
    make_synset(2121620, "cat")


def open_rendition(image, rendition):
    with default_storage.open(image.storage_name(rendition)) as file:
        return Picture.open(io.BytesIO(file.read()))


def test_an_image_is_stored_in_two_sizes_and_proposed_for_its_synset():
    counts, _ = import_items(item())

    image = Image.objects.get(sha256=hashlib.sha256(RED).digest())
    assert outcome(counts) == (1, 0, 0, 0)
    assert (image.width, image.height) == open_rendition(image, "large").size == (640, 480)
    assert (image.small_width, image.small_height) == open_rendition(image, "small").size == (320, 240)
    assert list(image.candidates.values_list("synset__wnid", "collected_at")) == [(DOG, AT)]


def test_the_same_bytes_again_add_nothing():
    import_items(item())

    counts, _ = import_items(item())

    assert outcome(counts) == (0, 0, 1, 0)
    assert Image.objects.count() == Candidate.objects.count() == 1


def test_a_known_image_for_another_synset_is_a_new_candidate_only():
    import_items(item())

    counts, _ = import_items(item(wnid=CAT))

    assert outcome(counts) == (0, 1, 0, 0)
    assert Image.objects.get().candidates.count() == 2


def test_one_chunk_may_hold_the_same_image_several_times():
    counts, _ = import_items(item(place="first"), item(wnid=CAT), item())

    assert outcome(counts) == (1, 1, 1, 0)
    assert Image.objects.get().source == "first"


def test_more_items_than_a_chunk_are_all_taken(monkeypatch):
    monkeypatch.setattr(images, "CHUNK_ITEMS", 2)

    counts, _ = import_items(*(item(jpeg(size=(20 + number, 20))) for number in range(5)))

    assert outcome(counts) == (5, 0, 0, 0)


def test_what_the_item_says_of_itself_goes_before_what_holds_for_the_source():
    defaults = Provenance(source="a folder", author="somebody", licence="CC0", consent_basis="none needed")

    import_items(item(author="Ann"), defaults=defaults)

    image = Image.objects.get()
    assert (image.source, image.author, image.licence) == ("a folder", "Ann", "CC0")
    assert image.consent_basis == "none needed"


def test_provenance_is_kept_to_the_letter():
    author = 'Ann "N\\A" O, \\N; \\.'

    import_items(item(author=author))

    image = Image.objects.get()
    assert (image.author, image.licence, image.imported_at, image.imported_by) == (author, "", AT, None)


def test_an_image_of_unknown_source_is_said_to_come_from_its_place():
    import_items(item(place="pictures.zip: n02084071/a.jpg"))

    assert Image.objects.get().source == "pictures.zip: n02084071/a.jpg"


def test_a_synset_outside_the_hierarchy_is_refused():
    _, refused = import_items(item(wnid="n00000001", place="line 2"))

    assert refused == [("line 2", "UNKNOWN_SYNSET", "there is no synset n00000001")]
    assert not Image.objects.exists()


@pytest.mark.parametrize("safety", ["SENSITIVE", "OFFENSIVE"])
def test_no_pictures_are_taken_for_an_unsafe_synset(safety):
    make_synset(10000000, "slur", safety=safety)

    _, refused = import_items(item(wnid="n10000000"))

    assert [refusal.reason for refusal in refused] == ["UNSAFE_SYNSET"]
    assert not Image.objects.exists()


def test_a_picture_that_cannot_be_decoded_is_refused_and_the_next_taken():
    counts, refused = import_items(item(b"GIF?", place="bad"), item(b"GIF?", wnid=CAT, place="again"), item(BLUE))

    assert outcome(counts) == (1, 0, 0, 2)
    assert [(refusal.place, refusal.reason) for refusal in refused] == [
        ("bad", "NOT_AN_IMAGE"),
        ("again", "NOT_AN_IMAGE"),
    ]


def test_what_the_source_refuses_is_counted_and_told():
    counts, refused = import_items(Refusal("a.txt", RefusalReason.NOT_A_PICTURE, "no"))

    assert counts.refused == {"NOT_A_PICTURE": 1}
    assert refused == [("a.txt", "NOT_A_PICTURE", "no")]


def test_the_same_pixels_in_other_bytes_are_another_image():
    import_items(item(RED), item(RED + b"\0"))

    first, second = Image.objects.all()
    assert first.perceptual_hash == second.perceptual_hash


def test_a_rendition_that_was_lost_is_written_again():
    import_items(item())
    image = Image.objects.get()
    default_storage.delete(image.storage_name("small"))

    counts, _ = import_items(item())

    assert outcome(counts) == (0, 0, 1, 0)
    assert open_rendition(image, "small").size == (320, 240)


def test_what_a_killed_import_left_half_written_is_replaced(media):
    name = Image(sha256=hashlib.sha256(RED).digest()).storage_name("large")
    part = media / (name + renditions.PART_SUFFIX)
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")

    import_items(item())

    assert open_rendition(Image.objects.get(), "large").size == (640, 480)
    assert not part.exists()


def test_a_rendition_that_is_there_is_kept(media):
    path = media / Image(sha256=hashlib.sha256(RED).digest()).storage_name("large")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"whole")

    import_items(item())

    assert path.read_bytes() == b"whole"


def test_a_storage_without_folders_takes_whole_objects(monkeypatch):
    storage = ObjectStore()
    monkeypatch.setattr(renditions, "default_storage", storage)

    import_items(item())

    image = Image.objects.get()
    assert set(storage.objects) == {image.storage_name("large"), image.storage_name("small")}


def test_progress_is_told_after_each_chunk(monkeypatch):
    monkeypatch.setattr(images, "CHUNK_ITEMS", 1)
    told: list[int] = []

    import_items_from([item(RED), item(BLUE)], progress=lambda counts: told.append(counts.images))

    assert told == [1, 2]


def test_chunks_before_the_source_breaks_stay(monkeypatch):
    monkeypatch.setattr(images, "CHUNK_ITEMS", 1)

    def break_off():
        yield item()
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        import_items_from(break_off())

    assert Candidate.objects.count() == 1

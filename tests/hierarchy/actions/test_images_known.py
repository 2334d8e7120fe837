"""Images that are in the database already, proposed for more synsets without their bytes."""

import hashlib

import pytest

from hierarchy.actions import images
from hierarchy.intake.values import KnownImage
from hierarchy.models import Candidate, Image
from tests.hierarchy.actions.image_items import CAT, DOG, RED, import_items, item, outcome
from tests.hierarchy.rows import make_images, make_synset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def _synsets():
    make_synset(2084071, "dog")
    make_synset(2121620, "cat")


@pytest.fixture
def image():
    """Its renditions have been lost, or never were."""
    (made,) = make_images(1)
    return made


def known(image, *, wnid=DOG, place="line", prior=None):
    return KnownImage(place, wnid, bytes(image.sha256), prior)


def test_a_known_image_becomes_a_candidate_with_its_prior(image):
    counts, refused = import_items(known(image, prior=0.25), known(image, wnid=CAT))

    assert outcome(counts) == (0, 2, 0, 0)
    assert refused == []
    assert set(image.candidates.values_list("synset__wnid", "prior")) == {(DOG, 0.25), (CAT, None)}


def test_again_it_adds_nothing_and_what_was_first_said_stays(image):
    import_items(known(image, prior=0.25))

    counts, _ = import_items(known(image, prior=0.5))

    assert outcome(counts) == (0, 0, 1, 0)
    assert Candidate.objects.get().prior == 0.25


def test_of_two_lines_about_the_same_candidate_the_first_counts(image):
    counts, _ = import_items(known(image, prior=0.9), known(image, prior=0.1))

    assert outcome(counts) == (0, 1, 1, 0)
    assert Candidate.objects.get().prior == 0.9


def test_an_image_that_nobody_knows_is_refused_and_the_others_are_taken(image):
    unknown = KnownImage("line 3", DOG, bytes(32))

    counts, refused = import_items(known(image), unknown, known(image, wnid=CAT))

    assert outcome(counts) == (0, 2, 0, 1)
    assert refused == [("line 3", "UNKNOWN_IMAGE", "no image in the database has this SHA-256")]


def test_unknown_and_unsafe_synsets_are_refused(image):
    make_synset(10000000, "slur", safety="OFFENSIVE")

    _, refused = import_items(known(image, wnid="n00000001"), known(image, wnid="n10000000"))

    assert [refusal.reason for refusal in refused] == ["UNKNOWN_SYNSET", "UNSAFE_SYNSET"]
    assert not Candidate.objects.exists()


def test_a_picture_earlier_in_the_source_is_known():
    digest = hashlib.sha256(RED).digest()

    counts, _ = import_items(item(), KnownImage("next", CAT, digest), KnownImage("again", DOG, digest))

    assert outcome(counts) == (1, 1, 1, 0)


def test_a_picture_that_is_refused_is_not():
    junk = b"GIF?"

    _, refused = import_items(item(junk, place="file"), KnownImage("line", CAT, hashlib.sha256(junk).digest()))

    assert [(refusal.place, refusal.reason) for refusal in refused] == [
        ("file", "NOT_AN_IMAGE"),
        ("line", "UNKNOWN_IMAGE"),
    ]


def test_more_of_them_than_a_chunk_holds_are_all_taken(monkeypatch):
    monkeypatch.setattr(images, "CHUNK_LINES", 3)

    counts, _ = import_items(*(known(image) for image in make_images(10)))

    assert outcome(counts) == (0, 10, 0, 0)
    assert Candidate.objects.count() == Image.objects.count() == 10

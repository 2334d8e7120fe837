from urllib.parse import urlsplit

import pytest

from hierarchy.api.serializers import PICTURE_SECONDS, PICTURE_STEP_SECONDS, find_expiry
from hierarchy.queries.pictures import open_picture
from tests.hierarchy.api.walking import read_rows, walk
from tests.hierarchy.rows import make_candidates, make_synset

IMAGES = "/api/v1/images/"


@pytest.fixture
def candidates(db):
    return make_candidates(3, synset=make_synset(2084071, "dog"))


def test_an_image_is_found_by_its_sha256(annotator, candidates):
    image = candidates[0].image

    body = annotator.get(f"{IMAGES}{image.sha256_hex}/").json()

    assert (body["id"], body["width"], body["height"]) == (image.sha256_hex, 640, 480)
    assert body["source"] == "https://example.org/picture"


def test_the_address_of_its_picture_names_the_image_and_ends(annotator, candidates):
    image = candidates[0].image

    address = urlsplit(annotator.get(f"{IMAGES}{image.sha256_hex}/").json()["url"])
    opened = open_picture(address.path.removeprefix("/pictures/"), now=0)

    assert (opened.image_id, opened.rendition) == (image.pk, "large")
    assert address.netloc == "testserver"


@pytest.mark.parametrize("now", [0, 1, 599, 600, 1_800_000_001])
def test_an_address_is_valid_for_an_hour_and_little_more(now):
    assert PICTURE_SECONDS <= find_expiry(now) - now <= PICTURE_SECONDS + PICTURE_STEP_SECONDS


@pytest.mark.parametrize("name", ["00" * 32, "0" * 63, "dog", "z" * 64, "%00", " " * 64])
def test_an_image_that_does_not_exist_is_not_found(annotator, candidates, name):
    assert annotator.get(f"{IMAGES}{name}/").status_code == 404


def test_images_of_marked_synsets_are_for_curators(annotator, curator):
    image = make_candidates(1, synset=make_synset(5, safety="SENSITIVE"))[0].image

    assert annotator.get(f"{IMAGES}{image.sha256_hex}/").status_code == 404
    assert curator.get(f"{IMAGES}{image.sha256_hex}/").status_code == 200
    assert read_rows(annotator, "/api/v1/synsets/n00000005/images/") == []
    assert len(read_rows(curator, "/api/v1/synsets/n00000005/images/")) == 1


def test_images_without_a_released_label_are_for_curators(annotator, curator, candidates):
    assert read_rows(annotator, "/api/v1/synsets/n02084071/images/") == []
    assert len(read_rows(curator, "/api/v1/synsets/n02084071/images/")) == len(candidates)


def test_images_of_a_synset_come_page_by_page(curator, candidates):
    pages = walk(curator, "/api/v1/synsets/n02084071/images/?limit=2")

    assert [[row["id"] for row in page] for page in pages] == [
        [candidate.image.sha256_hex for candidate in candidates[:2]],
        [candidates[2].image.sha256_hex],
    ]


def test_visitors_see_no_images(client, candidates):
    assert client.get(f"{IMAGES}{candidates[0].image.sha256_hex}/").status_code == 401


def test_a_page_takes_the_same_queries_whatever_its_size(annotator, candidates, django_assert_num_queries):
    # Session, account, role, synset, images.
    with django_assert_num_queries(5):
        read_rows(annotator, "/api/v1/synsets/n02084071/images/")

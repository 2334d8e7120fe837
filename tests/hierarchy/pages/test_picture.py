import time

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hierarchy.queries.pictures import sign_picture
from tests.hierarchy.rows import make_images

pytestmark = pytest.mark.django_db


@pytest.fixture
def image():
    (image,) = make_images(1)
    return image


@pytest.fixture
def stored(image):
    name = default_storage.save(image.storage_name("large"), ContentFile(b"jpeg"))
    yield image
    default_storage.delete(name)


def sign(image, *, seconds=60):
    return sign_picture(
        image_id=image.pk, rendition="large", audience="somebody", expires_at=int(time.time()) + seconds
    )


def test_it_serves_the_bytes_with_headers_that_keep_them_a_picture(client, stored):
    response = client.get(sign(stored))

    assert response.getvalue() == b"jpeg"
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


def test_no_header_tells_which_image_it_is(client, stored):
    response = client.get(sign(stored))

    assert stored.sha256_hex[:8] not in str(response.headers)
    assert response["Content-Disposition"] == 'inline; filename="picture.jpg"'
    response.getvalue()


def test_a_browser_keeps_it_for_itself_until_the_address_expires(client, stored):
    response = client.get(sign(stored, seconds=1000))

    private, age, _ = response["Cache-Control"].split(", ")
    assert private == "private"
    assert 0 < int(age.removeprefix("max-age=")) <= 1000
    response.getvalue()


def test_asked_again_it_says_not_modified(client, stored):
    address = sign(stored)
    first = client.get(address)
    first.getvalue()

    again = client.get(address, headers={"if-none-match": first["ETag"]})

    assert again.status_code == 304


@pytest.mark.parametrize("seconds", [0, -60])
def test_an_expired_address_is_not_found(client, stored, seconds):
    assert client.get(sign(stored, seconds=seconds)).status_code == 404


def test_a_changed_address_is_not_found(client, stored):
    address = sign(stored)
    letter = "A" if address[20] != "A" else "B"

    assert client.get(address[:20] + letter + address[21:]).status_code == 404


def test_a_missing_file_is_not_found(client, image):
    assert client.get(sign(image)).status_code == 404


def test_it_takes_one_query(client, stored, django_assert_num_queries):
    with django_assert_num_queries(1):
        client.get(sign(stored)).getvalue()

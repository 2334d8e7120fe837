import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierarchy.errors import NotFound
from hierarchy.models import Image
from hierarchy.queries.pictures import OpenedPicture, PictureFile, find_picture, open_picture, sign_picture
from tests.hierarchy.rows import make_images

NOW = 1_800_000_000
LATER = NOW + 60


def sign(image_id=7, rendition="large", audience="annotator:1", expires_at=LATER):
    path = sign_picture(image_id=image_id, rendition=rendition, audience=audience, expires_at=expires_at)
    return path.removeprefix("/pictures/")


@given(image_id=st.integers(0, 2**63 - 1), rendition=st.sampled_from(Image.Rendition.values), audience=st.text())
def test_a_signed_picture_opens_again(image_id, rendition, audience):
    token = sign(image_id, rendition, audience)

    assert open_picture(token, now=NOW) == OpenedPicture(image_id=image_id, rendition=rendition, expires_at=LATER)


def test_the_same_picture_for_the_same_audience_has_one_address():
    assert sign() == sign()


def test_addresses_of_one_image_for_two_audiences_share_no_more_than_chance():
    tokens = [base64.urlsafe_b64decode(sign(audience=f"annotator:{number}") + "=") for number in range(200)]

    positions = list(zip(*tokens, strict=True))

    # Of 200 random bytes about 140 differ; 80 or fewer has a chance below one in a million.
    assert all(len(set(column)) > 80 for column in positions)


def test_an_address_opens_until_it_expires():
    assert open_picture(sign(), now=LATER - 1).image_id == 7
    with pytest.raises(NotFound):
        open_picture(sign(), now=LATER)


def test_a_change_of_any_byte_closes_it():
    sealed = base64.urlsafe_b64decode(sign() + "=")

    for position in range(len(sealed)):
        forged = bytearray(sealed)
        forged[position] ^= 1
        with pytest.raises(NotFound):
            open_picture(base64.urlsafe_b64encode(forged).decode().rstrip("="), now=NOW)


@pytest.mark.parametrize("spelling", [lambda token: token + "=", lambda token: token[:9] + "!" + token[9:]])
def test_an_address_has_one_spelling(spelling):
    with pytest.raises(NotFound):
        open_picture(spelling(sign()), now=NOW)


@pytest.mark.parametrize("token", ["", "A", "x" * 54, "x" * 55, "x" * 500, "\u00e9" * 55, "!" * 55])
def test_what_was_never_signed_opens_nothing(token):
    with pytest.raises(NotFound):
        open_picture(token, now=NOW)


def test_another_secret_key_opens_nothing(settings):
    token = sign()
    settings.SECRET_KEY = "another"

    with pytest.raises(NotFound):
        open_picture(token, now=NOW)


def test_a_key_that_was_replaced_still_opens_what_it_signed(settings):
    token = sign()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = ["another one", settings.SECRET_KEY], "the new one"

    assert open_picture(token, now=NOW).rendition == "large"
    assert sign() != token


def test_an_unknown_rendition_is_not_signed():
    with pytest.raises(ValueError, match="huge"):
        sign(rendition="huge")


@pytest.mark.django_db
def test_the_file_is_the_rendition_of_the_image():
    (image,) = make_images(1)

    found = find_picture(sign(image.pk, "small"), now=NOW)

    assert found == PictureFile(storage_name=image.storage_name("small"), expires_at=LATER)


@pytest.mark.django_db
def test_an_image_that_is_gone_is_not_found():
    with pytest.raises(NotFound):
        find_picture(sign(), now=NOW)

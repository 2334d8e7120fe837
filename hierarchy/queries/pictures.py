"""Addresses of pictures. Whoever holds one may see that picture until it expires; nothing else opens a picture."""

import hmac
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

from django.conf import settings
from django.urls import get_script_prefix, reverse

from hierarchy.errors import NotFound
from hierarchy.models import Image

RENDITIONS = (Image.Rendition.LARGE, Image.Rendition.SMALL)
# Image, expiry in Unix seconds, rendition, digest of the audience.
PAYLOAD = struct.Struct(">QQB8s")
TAG_BYTES = 16
TOKEN_BYTES = TAG_BYTES + PAYLOAD.size
STEADY_SECONDS = 3600


@dataclass(frozen=True)
class OpenedPicture:
    """What a picture's address says; `expires_at` in Unix seconds."""

    image_id: int
    rendition: str
    expires_at: int


@dataclass(frozen=True)
class PictureFile:
    """Where the picture lies in the default storage, and until when its address may be used (Unix seconds)."""

    storage_name: str
    expires_at: int


def sign_picture(*, image_id: int, rendition: str, audience: str, expires_at: int) -> str:
    """The path of an image's rendition, valid until `expires_at` (Unix seconds).

    The same arguments give the same path. Paths of one image for two audiences have nothing in common, so that an
    audience of one lease keeps an annotator from recognising a gold question by its address.
    """
    return sign_pictures([image_id], rendition=rendition, audience=audience, expires_at=expires_at)[0]


def find_steady_expiry() -> int:
    """When addresses that pages write now end (Unix seconds): the same for an hour, so that a browser keeps the pictures, and good for
    another."""
    return (int(time.time()) // STEADY_SECONDS + 2) * STEADY_SECONDS


def sign_pictures(image_ids: Sequence[int], *, rendition: str, audience: str, expires_at: int) -> list[str]:
    """The same of several images."""
    digest = _digest(audience.encode(), settings.SECRET_KEY, use=b"audience", size=8)
    number, address = RENDITIONS.index(Image.Rendition(rendition)), _find_address(get_script_prefix())
    payloads = [PAYLOAD.pack(image_id, expires_at, number, digest) for image_id in image_ids]
    return [address + _write_token(_seal(payload)) for payload in payloads]


def _seal(payload: bytes) -> bytes:
    tag = _digest(payload, settings.SECRET_KEY, use=b"tag", size=TAG_BYTES)
    return tag + _mask(payload, tag, settings.SECRET_KEY)


def open_picture(token: str, *, now: int) -> OpenedPicture:
    """What `sign_picture` put into the token. Raises NotFound for one that was not signed here or has expired."""
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        sealed = b""
    if _write_token(sealed) != token:  # another spelling of the same bytes
        sealed = b""
    payload = _unseal(sealed)
    if payload is None:
        raise NotFound("There is no such picture.")
    image_id, expires_at, rendition, _ = PAYLOAD.unpack(payload)
    if now >= expires_at:
        raise NotFound("This picture's address has expired.")
    return OpenedPicture(image_id=image_id, rendition=RENDITIONS[rendition].value, expires_at=expires_at)


def _unseal(sealed: bytes) -> bytes | None:
    """What was sealed under the present key or an earlier one; else None."""
    tag = sealed[:TAG_BYTES]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        payload = _mask(sealed[TAG_BYTES:], tag, secret)
        if len(sealed) == TOKEN_BYTES and hmac.compare_digest(
            tag, _digest(payload, secret, use=b"tag", size=TAG_BYTES)
        ):
            return payload
    return None


def find_picture(token: str, *, now: int) -> PictureFile:
    """The file behind a picture's token. Raises NotFound as `open_picture` does, and for an image that is gone."""
    opened = open_picture(token, now=now)
    image = Image.objects.filter(pk=opened.image_id).only("sha256").first()
    if image is None:
        raise NotFound("There is no such picture.")
    return PictureFile(storage_name=image.storage_name(opened.rendition), expires_at=opened.expires_at)


def _write_token(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


@cache
def _find_address(script_prefix: str) -> str:
    """What stands before the token in the paths of all pictures."""
    return reverse("hierarchy:picture", args=["x"]).removesuffix("x")


def _mask(data: bytes, tag: bytes, secret: str) -> bytes:
    """XOR with a keystream that depends on the tag: hides the payload, or shows it again.

    The tag is a keyed digest of the payload, so no keystream is used for two payloads (the SIV construction).
    One block of the digest is longer than any payload.
    """
    stream = _digest(tag, secret, use=b"mask", size=64)[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(stream)).to_bytes(len(data))


def _digest(data: bytes, secret: str, *, use: bytes, size: int) -> bytes:
    return blake2b(data, digest_size=size, key=_key(secret), person=use).digest()


@cache
def _key(secret: str) -> bytes:
    return blake2b(secret.encode(), person=b"picture key").digest()

"""What stands for annotators in exports."""

import secrets

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

NAME_LENGTH = 24
MARK_LENGTH = 8


def draw_key() -> str:
    """For an export whose annotators nobody is to find again in another."""
    return secrets.token_hex(16)


def write_pseudonym(annotator_id: int, *, key: str) -> str:
    """Not to be undone, and the same wherever `key` and SECRET_KEY are. It ends with a mark by which this installation knows
    its own."""
    name = _digest("annotation.exports", f"{key}:{annotator_id}")[:NAME_LENGTH]
    return name + _mark(name)


def is_own_pseudonym(name: str) -> bool:
    """Whether this installation, under its present SECRET_KEY or an earlier one that it still takes, has written it."""
    return len(name) == NAME_LENGTH + MARK_LENGTH and any(
        constant_time_compare(name[NAME_LENGTH:], _mark(name[:NAME_LENGTH], secret))
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


def _mark(name: str, secret: str | None = None) -> str:
    return _digest("annotation.exports.mark", name, secret)[:MARK_LENGTH]


def _digest(purpose: str, content: str, secret: str | None = None) -> str:
    return salted_hmac(purpose, content, secret=secret, algorithm="sha256").hexdigest()

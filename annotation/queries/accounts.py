import hashlib

from django.contrib.auth.models import User

from annotation.models import Annotator, ApiToken
from hierarchy.errors import NotPermitted


def find_live_token(key: str) -> ApiToken | None:
    """The token of this key, if it is not revoked and its account is active."""
    digest = hashlib.sha256(key.encode()).digest()
    return (
        ApiToken.objects.select_related("user")
        .filter(sha256=digest, revoked_at__isnull=True, user__is_active=True)
        .first()
    )


def find_annotator(user: User) -> Annotator:
    """The annotator of an account; NotPermitted where it has none (an operator's account made by hand)."""
    annotator = Annotator.objects.filter(user_id=user.pk).first()
    if annotator is None:
        raise NotPermitted("This account does not annotate.")
    return annotator


def list_tokens(user: User) -> list[ApiToken]:
    """An account's tokens that still open something, newest first."""
    return list(ApiToken.objects.filter(user_id=user.pk, revoked_at__isnull=True).order_by("-created_at", "-pk"))

import hashlib

from django.contrib.auth.models import User
from django.db import connection
from django.utils.translation import gettext as _

from annotation.models import Annotator, ApiToken
from hierarchy.errors import NotPermitted
from hierarchy.queries.plain import build_models, execute_planned, name_columns
from hierarchy.rules import note_groups

LIVE_TOKEN = f"""
SELECT ARRAY(SELECT role.name FROM auth_group AS role JOIN auth_user_groups AS member ON member.group_id = role.id
             WHERE member.user_id = auth_user.id)::text[], {name_columns(ApiToken, User, Annotator)}
FROM annotation_apitoken JOIN auth_user ON auth_user.id = annotation_apitoken.user_id
LEFT JOIN annotation_annotator ON annotation_annotator.user_id = auth_user.id
WHERE annotation_apitoken.sha256 = %(sha256)s AND annotation_apitoken.revoked_at IS NULL AND auth_user.is_active
"""  # noqa: S608 (names of tables and columns)


def find_live_token(key: str) -> ApiToken | None:
    """The token of this key, if it is not revoked and its account is active, with the account, its role and its annotator.
    One query."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LIVE_TOKEN, {"sha256": hashlib.sha256(key.encode()).digest()})
        row = cursor.fetchone()
    if row is None:
        return None
    token: ApiToken
    token, user, annotator = build_models(row[1:], ApiToken, User, Annotator)
    note_groups(user, row[0])
    token.user = user
    if annotator is not None:
        annotator.user = user
    return token


def find_annotator(user: User) -> Annotator:
    """The annotator of an account; NotPermitted where it has none (an operator's account made by hand)."""
    try:
        return user.annotator
    except Annotator.DoesNotExist as error:
        raise NotPermitted(_("This account does not annotate.")) from error


def list_tokens(user: User) -> list[ApiToken]:
    """An account's tokens that still open something, newest first."""
    return list(ApiToken.objects.filter(user_id=user.pk, revoked_at__isnull=True).order_by("-created_at", "-pk"))

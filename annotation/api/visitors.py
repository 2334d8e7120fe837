from django.contrib.auth.models import User
from rest_framework.request import Request

from annotation.models import Annotator
from annotation.queries.accounts import find_annotator
from hierarchy.errors import NotPermitted


def get_user(request: Request) -> User:
    """The account behind a request; the table of access lets nobody else come so far."""
    if not isinstance(request.user, User):
        raise NotPermitted("This needs an account.")
    return request.user


def get_annotator(request: Request) -> Annotator:
    """The annotator behind a request; NotPermitted where the account has none."""
    return find_annotator(get_user(request))

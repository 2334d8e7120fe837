from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import connection


def find_user(username: str) -> User:
    """The account that a command's argument names."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no account {username}.")
    return user


def wait_for_answers() -> None:
    """A person is asked while this transaction is open, which holds no locks yet, and may take their time."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")

from django.contrib.auth.models import User
from django.core.management.base import CommandError


def find_user(username: str) -> User:
    """The account that a command's argument names."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise CommandError(f"There is no account {username}.")
    return user

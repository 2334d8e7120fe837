import pytest
from django.contrib.auth.models import Group, User

from tests.hierarchy.excerpt import import_excerpt


@pytest.fixture
def excerpt():
    import_excerpt()


def make_member(role):
    user = User.objects.create_user(role)
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


@pytest.fixture
def curator(client):
    """A curator, signed in on `client`."""
    user = make_member("curator")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


@pytest.fixture
def annotator(client):
    """An annotator, signed in on `client`."""
    user = make_member("annotator")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user

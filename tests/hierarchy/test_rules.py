import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from hierarchy.rules import is_safe_to_show, sees_everything


@pytest.mark.parametrize(
    ("safety", "shown"), [("UNSET", True), ("SAFE", True), ("SENSITIVE", False), ("OFFENSIVE", False)]
)
def test_only_sensitive_and_offensive_synsets_hide_their_pictures(safety, shown):
    assert is_safe_to_show(safety) is shown


def test_visitors_do_not_see_everything():
    assert not sees_everything(AnonymousUser())


@pytest.mark.django_db
@pytest.mark.parametrize(("group", "seen"), [("annotator", False), ("curator", True)])
def test_of_members_curators_see_everything(group, seen):
    user = User.objects.create_user("somebody")
    user.groups.add(Group.objects.get_or_create(name=group)[0])

    assert sees_everything(user) is seen


@pytest.mark.django_db
def test_operators_see_everything():
    assert sees_everything(User.objects.create_superuser("operator"))

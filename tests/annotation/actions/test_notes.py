import pytest
from django.utils.timezone import now

from annotation.actions.notes import write_notes
from annotation.models import SynsetNotes
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditEntry
from tests.builders import make_synset, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    make_synset(1740)
    return make_user("boss", "curator")


def write(boss, includes="puppies", excludes="", version=0, wnid="n00001740"):
    return write_notes(wnid=wnid, includes=includes, excludes=excludes, version=version, by=boss, at=now())


def test_each_change_is_a_version_that_is_audited_without_its_text(boss):
    write(boss), write(boss, " puppies\r\nwhelps\0 ", "wolves", version=1)

    assert list(
        SynsetNotes.objects.order_by("version").values_list("version", "includes", "excludes", "created_by")
    ) == [
        (1, "puppies", "", boss.pk),
        (2, "puppies\nwhelps", "wolves", boss.pk),
    ]
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, entry.subject, entry.detail) == ("CHANGE_NOTES", "synset:n00001740", {"version": 2})


def test_the_same_again_is_no_version(boss):
    write(boss)

    assert write(boss, version=1).version == 1


def test_who_read_an_older_version_changes_nothing(boss):
    write(boss)

    with pytest.raises(Conflict, match="meanwhile"):
        write(boss, "cats")


def test_texts_that_are_too_long_are_named(boss):
    with pytest.raises(InvalidInput) as refusal:
        write(boss, "x" * 2001, "y" * 2001)

    assert set(refusal.value.fields) == {"includes", "excludes"}


def test_there_is_no_such_synset(boss):
    with pytest.raises(NotFound):
        write(boss, wnid="n00000009")

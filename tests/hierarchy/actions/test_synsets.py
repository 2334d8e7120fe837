import pytest
from django.contrib.auth.models import User

from hierarchy.actions.synsets import set_safety
from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import AuditEntry, Synset
from tests.hierarchy.rows import COLLECTED_AT, make_synset

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator():
    return User.objects.create_user("cora")


def test_it_marks_the_synset_and_records_who_did(curator):
    make_synset(1)

    changed = set_safety(synset_id=1, safety="OFFENSIVE", by=curator, at=COLLECTED_AT)

    entry = AuditEntry.objects.get()
    assert changed.safety == Synset.objects.get(pk=1).safety == "OFFENSIVE"
    assert (entry.action, entry.subject, entry.actor) == ("SET_SAFETY", "synset:n00000001", curator.pk)
    assert entry.detail == {"before": "UNSET", "safety": "OFFENSIVE"}


def test_what_changes_nothing_is_not_recorded(curator):
    make_synset(1)

    set_safety(synset_id=1, safety="UNSET", by=curator, at=COLLECTED_AT)

    assert not AuditEntry.objects.exists()


def test_it_refuses_an_unknown_safety(curator):
    make_synset(1)

    with pytest.raises(InvalidInput) as refusal:
        set_safety(synset_id=1, safety="FINE", by=curator, at=COLLECTED_AT)

    assert list(refusal.value.fields) == ["safety"]
    assert Synset.objects.get(pk=1).safety == "UNSET"


def test_it_refuses_an_unknown_synset(curator):
    with pytest.raises(NotFound):
        set_safety(synset_id=1, safety="SAFE", by=curator, at=COLLECTED_AT)

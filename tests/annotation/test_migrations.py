"""What becomes of the rows of an older version."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import now

from annotation.actions import bars
from annotation.consensus.start import GRADED
from annotation.models import Bar, Estimate, Question, Snapshot
from annotation.queries.integrity import CHECKS, find_broken, find_wrong_estimates
from tests import builders
from tests.annotation.actions.test_batches import make_campaign


def migrate(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("annotation", name)] if name else executor.loader.graph.leaf_nodes())


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_bars_survive_the_way_back_and_forth():
    boss = builders.make_user("boss", "curator")
    rude, spammer, honest = (builders.find_annotator(user).pk for user in builders.make_crowd(3))
    bars.bar_annotator(annotator_id=rude, reason="rude", by=boss, at=now())
    bars.bar_annotator(annotator_id=spammer, code="GUESSES", reason="all yes", by=None, at=now())
    barred = list(Bar.objects.order_by("pk").values_list("annotator", "code", "reason", "by", "by_engine", "begun_at"))
    try:
        migrate("0017_notes")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, barred_reason, barred_on_gold FROM annotation_annotator WHERE barred_at IS NOT NULL"
            )
            assert set(cursor.fetchall()) == {(rude, "rude", False), (spammer, "all yes", True)}
    finally:
        migrate(None)

    found = Bar.objects.order_by("pk").values_list("annotator", "code", "reason", "by", "by_engine", "begun_at")
    assert list(found) == barred
    assert builders.find_annotator(boss).barred_at is None
    assert not Bar.objects.filter(annotator=honest).exists()


@pytest.fixture
def older():
    """Takes the tables back to what the older engine left, and at the end of the test up again."""

    def go_back():
        migrate("0003_imported_batches")
        with connection.cursor() as cursor:
            cursor.execute("""UPDATE annotation_snapshot SET parameters = '{"version": 1, "shares": [1]}'""")

    yield go_back
    migrate(None)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_estimates_of_the_older_engine_are_made_again_under_the_new_ones_start(older):
    campaign = make_campaign(2, by=builders.make_crowd(1)[0], gold_rate=0)
    builders.make_votes(campaign, ["YES", "NO"])
    Question.objects.filter(pk=campaign.questions.earliest("pk").pk).update(state="ACCEPTED", decided_at=now())
    older()
    migrate(None)

    snapshot = Snapshot.objects.latest("pk")
    assert snapshot.parameters == GRADED.to_json()
    assert list(Question.objects.due()) == list(Question.objects.filter(state="OPEN"))
    assert [finding.name for finding in map(find_broken, CHECKS) if finding.count and finding.warning] == [
        "estimate_is_of_this_engine"
    ]
    builders.estimate_all()
    assert set(Estimate.objects.values_list("snapshot", flat=True)) == {snapshot.pk}
    assert find_wrong_estimates().count == 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_new_installation_has_no_snapshot_before_its_first_campaign(older):
    older()
    migrate(None)

    assert not Snapshot.objects.exists()

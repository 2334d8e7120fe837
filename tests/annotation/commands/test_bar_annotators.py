import io

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Annotator, Bar, Question
from tests.builders import estimate_all, make_candidates, make_open_campaign, make_synset, make_user, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def ring():
    """Three who voted alike on what became accepted, and the curator."""
    synset = make_synset(1740)
    make_candidates(synset, 2)
    campaign = make_open_campaign([synset], gold_rate=0, by=make_user("carol", "curator"))
    for name in ("sam", "sue", "sid"):
        vote(make_user(name), "YES", campaign=campaign)
    estimate_all()
    return ["sam", "sue", "sid"]


def bar(*names):
    output = io.StringIO()
    call_command(
        "bar_annotators",
        *names,
        *("--as", "carol", "--code", "SEVERAL_ACCOUNTS", "--reason", "One person"),
        stdout=output,
        stderr=io.StringIO(),
    )
    return output.getvalue().strip()


def test_all_are_barred_and_what_rested_on_their_votes_is_due(ring, tmp_path):
    (tmp_path / "names").write_text("sue\n\nsid\n")

    assert bar("sam", f"@{tmp_path / 'names'}") == "3 annotators are barred, 0 of them were before."

    found = Bar.objects.filter(annotator__user__username__in=ring)
    assert set(found.values_list("code", "reason", "by__username")) == {("SEVERAL_ACCOUNTS", "One person", "carol")}
    assert Question.objects.due().count() == 2


def test_nobody_is_barred_where_a_name_is_unknown(ring):
    with pytest.raises(CommandError, match="there is no annotator sod"):
        bar("sam", "sod")

    assert not Annotator.objects.filter(barred_at__isnull=False).exists()


def test_only_a_curator_bars(ring):
    with pytest.raises(CommandError, match="sam is no curator"):
        call_command("bar_annotators", "sue", "--as", "sam", "--reason", "One person")

    assert not Annotator.objects.filter(barred_at__isnull=False).exists()


def test_a_file_that_is_not_there_is_named(ring):
    with pytest.raises(CommandError, match="nowhere cannot be read"):
        bar("@nowhere")

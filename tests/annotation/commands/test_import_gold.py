import csv
import io

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from annotation.actions import campaigns
from annotation.models import Gold
from tests.builders import make_candidates, make_gold, make_open_campaign, make_synset, make_votes

pytestmark = pytest.mark.django_db
HEADER = ["wnid", "image_sha256", "answer"]


@pytest.fixture
def campaign(db):
    """Two questions about one synset."""
    synset = make_synset(1740)
    make_candidates(synset, 2)
    return make_open_campaign([synset], name="demo", gold_rate=0)


def build_rows(campaign, *truths):
    """A line for each truth, about the campaign's questions in turn."""
    asked = campaign.questions.order_by("pk")
    return [
        [question.synset.wnid, question.candidate.image.sha256_hex, truth]
        for question, truth in zip(asked, truths, strict=False)
    ]


def finish(campaign):
    """Annotators agree until nothing is left to ask."""
    while campaign.questions.filter(state="OPEN").exists():
        make_votes(campaign, ["YES"])


def import_gold(path, rows, name="demo"):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    output = io.StringIO()
    call_command("import_gold", path, "--campaign", name, stdout=output, stderr=io.StringIO())
    return output.getvalue()


def test_questions_become_gold_once(campaign, tmp_path):
    rows = build_rows(campaign, "yes", "NO")

    first = import_gold(tmp_path / "gold.csv", rows[:1])
    second = import_gold(tmp_path / "gold.csv", rows)

    assert first == "1 questions made gold, 0 were already\n"
    assert second == "1 questions made gold, 1 were already\n"
    found = Gold.objects.order_by("question_id").values_list("truth", "source", "active")
    assert list(found) == [("YES", "IMPORT", True), ("NO", "IMPORT", True)]


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("wnid", "n1740", "must be an n and eight digits"),
        ("wnid", "n00001930", "there is no such synset"),
        ("image_sha256", "", "must be 64 hexadecimal digits"),
        ("image_sha256", "0" * 64, "there is no such picture"),
        ("answer", "UNSURE", "must be YES or NO, not 'UNSURE'"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named_and_nothing_becomes_gold(campaign, tmp_path, column, cell, problem):
    good, other = build_rows(campaign, "YES", "NO")
    bad = [cell if name == column else value for name, value in zip(HEADER, other, strict=True)]

    with pytest.raises(CommandError, match=f"gold.csv line 3, column {column}: {problem}"):
        import_gold(tmp_path / "gold.csv", [good, bad])

    assert not Gold.objects.exists()


def test_a_question_that_comes_twice_is_named(campaign, tmp_path):
    rows = build_rows(campaign, "YES", "NO")

    with pytest.raises(CommandError, match=r"line 4, .*: the same question as on line 2 again"):
        import_gold(tmp_path / "gold.csv", [*rows, rows[0]])


def test_the_other_truth_is_refused(campaign, tmp_path):
    make_gold(campaign.questions.order_by("pk")[0], "NO")

    with pytest.raises(CommandError, match="line 2, column answer: must be NO, which is recorded already"):
        import_gold(tmp_path / "gold.csv", build_rows(campaign, "YES"))


def test_a_finished_question_never_becomes_gold(campaign, tmp_path):
    finish(campaign)

    with pytest.raises(CommandError, match=r"line 2, .*: the question is not open any more"):
        import_gold(tmp_path / "gold.csv", build_rows(campaign, "YES"))


def test_a_labelled_picture_never_becomes_gold(campaign, tmp_path):
    finish(campaign)
    again = make_open_campaign([campaign.synsets.get()], name="again", by=campaign.drafted_by)

    with pytest.raises(CommandError, match=r"line 2, .*: has a label"):
        import_gold(tmp_path / "gold.csv", build_rows(again, "YES"), "again")


def test_a_closed_campaign_takes_no_gold(campaign, tmp_path):
    rows = build_rows(campaign, "YES")
    campaigns.close_campaign(name="demo", by=campaign.drafted_by, at=now())

    with pytest.raises(CommandError, match="Campaign demo is closed"):
        import_gold(tmp_path / "gold.csv", rows)


def test_gold_that_leaked_is_retired(campaign):
    make_gold(campaign.questions.order_by("pk").first(), "YES")
    output = io.StringIO()

    call_command("retire_gold", "--campaign", "demo", stdout=output, stderr=io.StringIO())

    assert output.getvalue() == "1 questions are gold no longer.\n"
    assert not Gold.objects.filter(active=True).exists()


def test_gold_of_an_unknown_campaign_is_not_retired(campaign):
    with pytest.raises(CommandError, match="no campaign other"):
        call_command("retire_gold", "--campaign", "other")

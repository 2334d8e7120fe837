import csv
import gzip
import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.timezone import now

from annotation.actions import bars, campaigns, imports
from annotation.models import Annotator, Batch, Campaign, Dispute, DueQuestions, Question, Vote
from annotation.queries.integrity import CHECKS, find_broken, find_wrong_estimates
from annotation.rules import PolicyValues
from tests.builders import (
    estimate_all,
    lease,
    make_candidates,
    make_gold,
    make_open_campaign,
    make_synset,
    make_user,
    make_votes,
)

pytestmark = pytest.mark.django_db
HEADER = ["wnid", "image_sha256", "annotator", "answer", "at"]
START = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def campaign(db):
    """Three questions about one synset."""
    synset = make_synset(1740)
    make_candidates(synset, 3)
    return make_open_campaign([synset], name="demo", gold_rate=0)


def picture(question):
    """The cells that name a question."""
    return [question.synset.wnid, question.candidate.image.sha256_hex]


def moment(seconds):
    return (START + timedelta(seconds=seconds)).isoformat()


def list_questions(campaign):
    return list(campaign.questions.order_by("pk"))


def write_file(path, rows, header=HEADER):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def finish(campaign):
    """Annotators agree until nothing is left to ask."""
    while campaign.questions.filter(state="OPEN").exists():
        make_votes(campaign, ["YES"])


def import_votes(path, name="demo"):
    output = io.StringIO()
    call_command("import_votes", path, "--campaign", name, stdout=output, stderr=io.StringIO())
    return output.getvalue()


def find_all_broken():
    return {finding.name for finding in [*map(find_broken, CHECKS), find_wrong_estimates()] if finding.count}


def test_votes_are_recorded_in_the_order_of_their_moments_then_of_their_lines(campaign, tmp_path):
    first, second, third = list_questions(campaign)
    rows = [
        [*picture(first), "bob", "NO", moment(9)],
        [*picture(second), "ann", "unsure", moment(5)],
        [*picture(third), "ann", "Yes", moment(5)],
    ]

    output = import_votes(write_file(tmp_path / "votes.csv", rows))

    found = Vote.objects.order_by("pk").values_list("question_id", "answer", "voted_at", "late", "milliseconds")
    assert list(found) == [
        (second.pk, "UNSURE", START + timedelta(seconds=5), False, None),
        (third.pk, "YES", START + timedelta(seconds=5), False, None),
        (first.pk, "NO", START + timedelta(seconds=9), False, None),
    ]
    assert output.startswith("3 votes recorded on 3 questions, 0 already there, 2 new annotators")


def test_an_external_name_is_one_annotator_in_every_campaign(campaign, tmp_path):
    other = make_synset(1930)
    make_candidates(other, 1)
    question = make_open_campaign([other], name="other").questions.get()
    import_votes(write_file(tmp_path / "a.csv", [[*picture(list_questions(campaign)[0]), "Jos\xe9", "YES", moment(1)]]))

    import_votes(write_file(tmp_path / "b.csv", [[*picture(question), " Jose\u0301 ", "NO", moment(2)]]), "other")

    annotator = Annotator.objects.get(user__username__startswith="import:")
    digest = hashlib.sha256("Jos\xe9".encode()).hexdigest()[:32]
    assert annotator.votes.count() == 2
    assert annotator.user.username == imports.write_username("Jos\xe9") == f"import:{digest}"
    assert (annotator.user.is_active, annotator.user.has_usable_password(), annotator.user.groups.count()) == (
        False,
        False,
        0,
    )


def test_more_votes_than_the_cap_break_no_promise(campaign, tmp_path):
    asked = list_questions(campaign)
    answers = ["YES"] * 20 + ["NO"] * 20
    rows = [
        [*picture(asked[0]), f"worker {number}", answer, moment(number)] for number, answer in enumerate(answers)
    ] + [[*picture(asked[1]), f"worker {number}", "YES", moment(number)] for number in range(40)]
    lease(make_user("person"), campaign)

    import_votes(write_file(tmp_path / "votes.csv", rows))

    assert find_all_broken() == set()
    estimate_all()
    assert find_all_broken() == set()
    assert asked[0].votes.count() == 40 > campaign.policies.get().vote_cap


def test_every_touched_question_is_due_but_active_gold(campaign, tmp_path):
    first, second, third = list_questions(campaign)
    make_gold(first)
    rows = [[*picture(question), "ann", "YES", moment(1)] for question in (first, second)]

    import_votes(write_file(tmp_path / "votes.csv", rows))

    assert third in list_questions(campaign)
    assert list(Question.objects.due()) == [second]


def test_votes_on_a_finished_question_are_evidence(campaign, tmp_path):
    finish(campaign)
    question = list_questions(campaign)[0]
    assert question.state == "ACCEPTED"

    import_votes(write_file(tmp_path / "v.csv", [[*picture(question), f"w{n}", "NO", moment(n)] for n in range(30)]))
    estimate_all()

    assert Dispute.objects.get().reason == "FLIP"
    assert Question.objects.get(pk=question.pk).state == "ACCEPTED"
    assert find_all_broken() == set()


def test_pages_hold_one_annotators_votes_on_one_synset_and_not_too_many(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "PAGE_SIZE", 2)
    rows = [
        [*picture(question), name, "YES", moment(number)]
        for name in ("ann", "bob")
        for number, question in enumerate(list_questions(campaign))
    ]

    import_votes(write_file(tmp_path / "votes.csv", rows))

    pages = Batch.objects.filter(outcome="IMPORTED").order_by("annotator_id", "leased_at")
    positions = [list(page.items.order_by("position").values_list("position", flat=True)) for page in pages]
    assert positions == [[1, 2], [1], [1, 2], [1]]
    assert [page.recorded for page in pages] == [2, 1, 2, 1]
    assert all(page.leased_at == min(page.votes.values_list("voted_at", flat=True)) for page in pages)


def test_nobody_was_shown_gold_on_an_imported_page(campaign, tmp_path):
    gold = list_questions(campaign)[0]
    import_votes(write_file(tmp_path / "votes.csv", [[*picture(gold), name, "YES", moment(1)] for name in "abc"]))
    campaigns.change_policy(
        name="demo",
        policy=PolicyValues(gold_rate=0.5, gold_exposures=2, page_size=2),
        by=campaign.drafted_by,
        at=now(),
    )
    make_gold(gold)

    assert lease(make_user("dan"), campaign).items.filter(question=gold).exists()


def test_importing_again_adds_only_what_is_new(campaign, tmp_path):
    rows = [[*picture(question), "ann", "YES", moment(1)] for question in list_questions(campaign)]
    import_votes(write_file(tmp_path / "votes.csv", rows[:2]))
    DueQuestions.objects.all().delete()

    output = import_votes(write_file(tmp_path / "votes.csv", rows))
    again = import_votes(tmp_path / "votes.csv")

    assert output.startswith("1 votes recorded on 1 questions, 2 already there, 0 new annotators")
    assert again.startswith("0 votes recorded on 0 questions, 3 already there")
    assert (Vote.objects.count(), Question.objects.due().count()) == (3, 1)


def test_an_answer_that_contradicts_the_recorded_one_imports_nothing(campaign, tmp_path):
    first, second, _ = list_questions(campaign)
    import_votes(write_file(tmp_path / "votes.csv", [[*picture(first), "ann", "YES", moment(1)]]))
    rows = [[*picture(second), "ann", "YES", moment(1)], [*picture(first), "ann", "NO", moment(1)]]

    with pytest.raises(CommandError) as refusal:
        import_votes(write_file(tmp_path / "votes.csv", rows))

    assert str(refusal.value) == (
        "votes.csv: 1 problem; nothing was imported\n"
        "votes.csv line 3, column answer: must be YES, which is recorded already"
    )
    assert Vote.objects.count() == 1


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("wnid", "1740", "must be an n and eight digits, not '1740'"),
        ("wnid", "n0000174\u0660", "must be an n and eight digits"),
        ("wnid", "n00001930", "there is no such synset"),
        ("image_sha256", "abc", "must be 64 hexadecimal digits, not 'abc'"),
        ("image_sha256", "0" * 64, "there is no such picture"),
        ("annotator", " ", "must be 1 to 200 printable characters"),
        ("annotator", "a" * 201, r"must be 1 to 200 printable characters in UTF-8, not 'a{40}\.\.\.'"),
        ("annotator", "a\0b", "printable"),
        ("answer", "maybe", "must be YES, UNSURE or NO, not 'maybe'"),
        ("answer", "", "must be YES, UNSURE or NO, not ''"),
        ("at", "2025-03-01T12:00:00", "must have an offset"),
        ("at", "yesterday", "must be ISO 8601"),
        ("at", "0001-01-01T00:00:00+14:00", "must be ISO 8601"),
        ("at", "1970-01-01T00:00:00Z", "lies before 1971"),
        ("at", "2999-01-01T00:00:00Z", "lies in the future"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named(campaign, tmp_path, column, cell, problem):
    good = [*picture(list_questions(campaign)[0]), "ann", "YES", moment(1)]
    bad = [cell if name == column else value for name, value in zip(HEADER, good, strict=True)]

    with pytest.raises(CommandError, match=f"line 3, column {column}: .*{problem}"):
        import_votes(write_file(tmp_path / "votes.csv", [good, bad]))

    assert not Vote.objects.exists()
    assert not Annotator.objects.filter(user__username__startswith="import:").exists()


def test_a_picture_the_campaign_does_not_ask_about_is_named(campaign, tmp_path):
    other = make_candidates(make_synset(1930), 1)[0]
    rows = [["n00001740", other.image.sha256_hex, "ann", "YES", moment(1)]]

    with pytest.raises(CommandError, match="line 2, column image_sha256: the campaign does not ask"):
        import_votes(write_file(tmp_path / "votes.csv", rows))


def test_a_second_vote_in_the_file_names_both_lines(campaign, tmp_path):
    first, second, _ = list_questions(campaign)
    rows = [
        [*picture(question), "ann", answer, moment(1)]
        for question, answer in [(second, "NO"), (first, "NO"), (first, "NO")]
    ]

    with pytest.raises(CommandError, match=r"line 4, .*: the same question as on line 3 again"):
        import_votes(write_file(tmp_path / "votes.csv", rows))


def test_all_problems_are_counted_and_the_first_shown(campaign, tmp_path):
    good = [*picture(list_questions(campaign)[0]), "ann", "YES", moment(1)]
    unknown = ["n00001930", *good[1:]]
    rows = [unknown if number % 2 else [*good[:3], "?", "?"] for number in range(40)]

    with pytest.raises(CommandError) as refusal:
        import_votes(write_file(tmp_path / "votes.csv", [good, *rows]))

    first, *shown = str(refusal.value).split("\n")
    assert first == "votes.csv: 60 problems, of which the first 20 are shown; nothing was imported"
    assert [line.split(":")[0].removeprefix("votes.csv line ") for line in shown[:4]] == [
        "3, column answer",
        "3, column at",
        "4, column wnid",
        "5, column answer",
    ]
    assert len(shown) == 20


def test_a_packed_file_with_other_columns_in_another_order_is_read(campaign, tmp_path):
    question = list_questions(campaign)[0]
    wnid, sha256 = picture(question)
    text = f"\ufeffat, note,answer,annotator,image_sha256,wnid\n\n{moment(1)},\xe9,YES,ann,{sha256.upper()},{wnid}\n"
    (tmp_path / "votes.csv.gz").write_bytes(gzip.compress(text.encode()))

    import_votes(tmp_path / "votes.csv.gz")

    assert question.votes.get().answer == "YES"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1: the header lacks wnid, image_sha256, annotator, answer, at"),
        (b"wnid,image_sha256,annotator,answer\n", "line 1: the header lacks at"),
        (b"wnid,wnid,image_sha256,annotator,answer,at\n", "line 1: the header names a column twice"),
        (b"wnid,image_sha256,annotator,answer,at\na,b\n", "line 2: 2 cells, the header has 5"),
        (b'wnid,image_sha256,annotator,answer,at\n"a"b,\n', "line 2: is not CSV"),
        (b"wnid,image_sha256,annotator,answer,at\na,b,\xff,c,d\n", r"line 2, column annotator: .*'\\udcff'"),
        (b"wnid,image_sha256,annotator,answer,at\n" + b"a" * 100_001, "line 2: more than 100,000 characters"),
        (b"a" * 100_001, "line 1: more than 100,000 characters"),
        (b"wnid,image_sha256,annotator,answer,at,withdrawn_at\na,b,c,d,e,f\n", "column withdrawn_at: must be empty"),
    ],
)
def test_a_file_that_is_no_table_of_votes_is_refused(campaign, tmp_path, content, problem):
    (tmp_path / "votes.csv").write_bytes(content)

    with pytest.raises(CommandError, match=f"votes.csv.*{problem}"):
        import_votes(tmp_path / "votes.csv")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: b"no gzip", lambda data: data[:-8] + b"0" * 8]
)
def test_a_damaged_packed_file_is_refused(campaign, tmp_path, damage):
    rows = [[*picture(list_questions(campaign)[0]), "ann", "YES", moment(1)]]
    data = gzip.compress(write_file(tmp_path / "votes.csv", rows).read_bytes())
    (tmp_path / "votes.csv.gz").write_bytes(damage(data))

    with pytest.raises(CommandError, match="the packed file is damaged"):
        import_votes(tmp_path / "votes.csv.gz")

    assert not Vote.objects.exists()


def test_a_file_that_is_not_there_is_named(campaign, tmp_path):
    with pytest.raises(CommandError, match=r"nowhere.csv"):
        import_votes(tmp_path / "nowhere.csv")


def test_a_closed_campaign_takes_no_votes(campaign, tmp_path):
    path = write_file(tmp_path / "votes.csv", [])
    campaigns.close_campaign(name="demo", by=campaign.drafted_by, at=now())

    with pytest.raises(CommandError, match="Campaign demo is closed"):
        import_votes(path)
    with pytest.raises(CommandError, match="no campaign other"):
        import_votes(path, "other")


def test_a_paused_campaign_takes_votes(campaign, tmp_path):
    Campaign.objects.update(state="PAUSED")

    import_votes(write_file(tmp_path / "votes.csv", [[*picture(list_questions(campaign)[0]), "ann", "YES", moment(1)]]))

    assert Vote.objects.count() == 1


def test_new_votes_of_a_barred_annotator_are_refused_and_old_ones_skipped(campaign, tmp_path):
    first, second, _ = list_questions(campaign)
    rows = [[*picture(question), "ann", "YES", moment(1)] for question in (first, second)]
    import_votes(write_file(tmp_path / "votes.csv", rows[:1]))
    annotator = Annotator.objects.get(user__username__startswith="import:")
    bars.bar_annotator(annotator_id=annotator.pk, reason="all yes", by=campaign.drafted_by, at=now())

    assert "1 already there" in import_votes(tmp_path / "votes.csv")
    with pytest.raises(CommandError, match="line 3, column annotator: is barred"):
        import_votes(write_file(tmp_path / "votes.csv", rows))


def test_imports_do_not_run_at_once(campaign, tmp_path):
    path = write_file(tmp_path / "votes.csv", [[*picture(list_questions(campaign)[0]), "ann", "YES", moment(1)]])
    other = connection.copy()

    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [imports.LOCK_NAME])
        with pytest.raises(CommandError, match="Another import"):
            import_votes(path)
    finally:
        other.close()

    assert not Vote.objects.exists()


def test_progress_goes_to_the_error_stream(campaign, tmp_path):
    errors = io.StringIO()
    path = write_file(tmp_path / "v.csv", [[*picture(list_questions(campaign)[0]), "ann", "YES", moment(1)]])

    call_command("import_votes", path, "--campaign", "demo", stdout=io.StringIO(), stderr=errors)

    assert errors.getvalue() == "read 1 lines\nlooking up the questions\nwriting the votes\n"

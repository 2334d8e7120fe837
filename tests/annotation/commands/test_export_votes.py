import csv
import io
import json
import os

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from annotation.actions import campaigns, votes
from annotation.exports.pseudonyms import draw_key, is_own_pseudonym, write_pseudonym
from annotation.exports.votes import write_time
from annotation.models import Annotator, Question, Vote
from tests.builders import (
    lease,
    make_candidates,
    make_open_campaign,
    make_synset,
    make_user,
    set_expiry,
    submit,
    vote,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(db):
    """Two questions; one annotator's page was taken back, another's came late."""
    synset = make_synset(1740)
    make_candidates(synset, 2)
    campaign = make_open_campaign([synset], name="demo", gold_rate=0)
    Question.objects.update(votes_wanted=10)
    undone = vote(make_user("ann"), "NO")
    votes.undo_batch(annotator_id=undone.annotator_id, batch_id=undone.pk)
    vote(make_user("bob"), ["YES", "UNSURE"])
    late = lease(make_user("cat"))
    set_expiry(late, now())
    submit(late, "NO")
    return campaign


def export_votes(*options):
    output = io.StringIO()
    call_command("export_votes", "--pseudonyms=key", *options, stdout=output)
    return output.getvalue()


def read_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_vote_is_there_once_in_recorded_order(campaign):
    rows = read_rows(export_votes())

    assert rows == [
        {
            "wnid": "n00001740",
            "image_sha256": vote.question.candidate.image.sha256_hex,
            "annotator": write_pseudonym(vote.annotator_id, key="key"),
            "answer": vote.answer,
            "at": write_time(vote.voted_at),
            "milliseconds": "",
            "late": "true" if vote.late else "false",
            "withdrawn_at": write_time(vote.withdrawn_at) if vote.withdrawn_at else "",
            "campaign": "demo",
        }
        for vote in Vote.objects.order_by("pk")
    ]
    assert [(row["answer"], row["late"], bool(row["withdrawn_at"])) for row in rows] == [
        ("NO", "false", True),
        ("NO", "false", True),
        ("YES", "false", False),
        ("UNSURE", "false", False),
        ("NO", "true", False),
        ("NO", "true", False),
    ]


def test_json_lines_say_the_same(campaign):
    rows = [json.loads(line) for line in export_votes("--format", "jsonl").splitlines()]

    expected = [
        {
            **row,
            "milliseconds": None,
            "late": row["late"] == "true",
            "withdrawn_at": row["withdrawn_at"] or None,
        }
        for row in read_rows(export_votes())
    ]
    assert rows == expected


def test_no_votes_in_json_lines_are_no_bytes(db):
    assert export_votes("--format", "jsonl") == ""


def test_milliseconds_are_written(campaign):
    batch = lease(make_user("dan"))
    given = [votes.GivenVote(position=1, answer="YES", milliseconds=830)]
    votes.submit_batch(annotator_id=batch.annotator_id, batch_id=batch.pk, votes=given, key="key")

    assert read_rows(export_votes())[-1]["milliseconds"] == "830"


def test_a_pseudonym_is_stable_tells_annotators_apart_and_depends_on_the_keys(settings):
    names = [write_pseudonym(pk, key="key") for pk in range(20)]

    assert names == [write_pseudonym(pk, key="key") for pk in range(20)]
    assert len(set(names)) == 20
    assert not set(names) & {write_pseudonym(pk, key="other") for pk in range(20)}
    settings.SECRET_KEY = "another"
    assert not set(names) & {write_pseudonym(pk, key="key") for pk in range(20)}


def test_without_a_key_names_are_those_of_one_export(campaign):
    outputs = [io.StringIO(), io.StringIO()]
    for output in outputs:
        call_command("export_votes", stdout=output)

    first, second = ({row["annotator"] for row in read_rows(output.getvalue())} for output in outputs)
    assert len(first) == len(second) > 0
    assert not first & second


def test_an_installation_knows_its_own_pseudonyms(settings):
    name = write_pseudonym(5, key=draw_key())

    assert is_own_pseudonym(name)
    assert not is_own_pseudonym(name[:-1] + ("0" if name[-1] != "0" else "1"))
    assert not is_own_pseudonym("ann")
    settings.SECRET_KEY = "another"
    assert not is_own_pseudonym(name)


def test_names_given_under_a_key_that_was_replaced_are_still_known(settings):
    name = write_pseudonym(7, key=draw_key())
    earlier, settings.SECRET_KEY = settings.SECRET_KEY, "the new one"
    assert not is_own_pseudonym(name)

    settings.SECRET_KEY_FALLBACKS = [earlier]
    assert is_own_pseudonym(name)


def test_votes_do_not_come_back_to_their_campaign_under_other_names(campaign, tmp_path):
    (tmp_path / "votes.csv").write_text(export_votes("--standing"))
    before = Vote.objects.count()

    with pytest.raises(CommandError, match="line 2, column annotator: this vote was exported from here"):
        call_command("import_votes", tmp_path / "votes.csv", "--campaign", "demo", stderr=io.StringIO())

    assert Vote.objects.count() == before


def test_one_campaign_is_exported_alone(campaign):
    other = make_synset(1930)
    make_candidates(other, 1)
    vote(make_user("eve"), campaign=make_open_campaign([other], name="other"))

    assert len(read_rows(export_votes())) == 7
    assert [row["wnid"] for row in read_rows(export_votes("--campaign", "other"))] == ["n00001930"]


def test_standing_votes_come_back_by_an_import(campaign, tmp_path):
    call_command("export_votes", "--standing", "--output", tmp_path / "votes.csv", stdout=io.StringIO())
    campaigns.close_campaign(name="demo", by=campaign.drafted_by, at=now())
    make_open_campaign([campaign.synsets.get()], name="again", by=campaign.drafted_by)

    call_command(
        "import_votes", tmp_path / "votes.csv", "--campaign", "again", stdout=io.StringIO(), stderr=io.StringIO()
    )

    before = read_rows((tmp_path / "votes.csv").read_text())
    after = read_rows(export_votes("--campaign", "again"))
    kept = ("wnid", "image_sha256", "answer", "at")
    assert [[row[name] for name in kept] for row in after] == [[row[name] for name in kept] for row in before]
    pairs = {(old["annotator"], new["annotator"]) for old, new in zip(before, after, strict=True)}
    assert len(pairs) == 2 == Annotator.objects.filter(user__username__startswith="import:").count()


def test_withdrawn_votes_do_not_come_back(campaign, tmp_path):
    (tmp_path / "votes.csv").write_text(export_votes())

    with pytest.raises(CommandError, match="line 2, column withdrawn_at: must be empty"):
        call_command("import_votes", tmp_path / "votes.csv", "--campaign", "demo", stderr=io.StringIO())


def test_a_replay_gets_standing_votes_in_recorded_order(campaign):
    rows = read_rows(export_votes("--replay", "--campaign", "demo"))

    expected = [
        {
            "task": f"n00001740:{vote.question.candidate.image.sha256_hex}",
            "worker": write_pseudonym(vote.annotator_id, key="key"),
            "label": vote.answer.lower(),
        }
        for vote in Vote.objects.standing().order_by("pk")
    ]
    assert rows == expected
    assert [row["label"] for row in rows] == ["yes", "unsure", "no", "no"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--replay"], "needs --campaign"),
        (["--replay", "--campaign", "demo", "--format", "jsonl"], "leave out --format"),
        (["--campaign", "nowhere"], "no campaign nowhere"),
        (["--output", "/nowhere/votes.csv"], "/nowhere/votes.csv"),
    ],
)
def test_what_cannot_be_meant_is_named(campaign, options, problem):
    with pytest.raises(CommandError, match=problem):
        export_votes(*options)


def test_a_file_is_whole_or_not_there(campaign, tmp_path):
    path = tmp_path / "votes.csv"
    output = export_votes("--output", path)

    assert output == f"6 votes written to {path}\n"
    assert path.read_text() == export_votes()
    with pytest.raises(CommandError, match="no campaign"):
        export_votes("--output", tmp_path / "more.csv", "--campaign", "nowhere")
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_and_a_link_stays_one(campaign, tmp_path):
    pipe, link, target = (tmp_path / name for name in ("pipe", "link", "votes.csv"))
    os.mkfifo(pipe)
    link.symlink_to(target)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    export_votes("--output", pipe)
    export_votes("--output", link)

    assert pipe.is_fifo()
    assert os.read(reading, 2**16).decode() == target.read_text() == export_votes("--output", "-")
    assert link.is_symlink()
    os.close(reading)


def test_a_reader_that_goes_away_ends_the_export_quietly(campaign, capfd):
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "w", buffering=1) as gone:
        call_command("export_votes", stdout=gone)

    assert capfd.readouterr() == ("", "")

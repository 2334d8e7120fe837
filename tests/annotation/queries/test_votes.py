import numpy as np
import pytest
from django.utils.timezone import now

from annotation.actions import bars, votes
from annotation.consensus.model import Answer
from annotation.models import Question, Vote
from annotation.queries import copied, stripes
from annotation.queries.votes import _order, read_all_votes
from tests.builders import find_annotator, make_candidates, make_open_campaign, make_synset, make_user, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd(db):
    """Votes on four synsets in two campaigns, some withdrawn; returns the annotators."""
    synsets = [make_synset(number) for number in (1740, 1741, 1742, 1743)]
    for synset in synsets:
        make_candidates(synset, 3)
    first = make_open_campaign(synsets[:3], name="first", gold_rate=0)
    second = make_open_campaign(synsets[3:], name="second", gold_rate=0)
    Question.objects.update(votes_wanted=10)
    people = [make_user(f"person-{number}") for number in range(3)]
    for person in people:
        vote(person, ["YES", "NO", "UNSURE"], campaign=second)
    for _ in range(3):
        for person in people:
            vote(person, ["NO", "UNSURE", "YES"], campaign=first)
    undone = vote(make_user("undone"), campaign=first)
    votes.undo_batch(annotator_id=undone.annotator_id, batch_id=undone.pk)
    return people


def read_slowly(**conditions):
    found = Vote.objects.standing().filter(annotator__barred_at=None, **conditions).order_by("question_id", "pk")
    return [(vote.question_id, vote.annotator_id, Answer[vote.answer]) for vote in found]


def as_rows(table):
    return list(zip(table.question_id.tolist(), table.annotator_id.tolist(), table.answer.tolist(), strict=True))


def test_all_standing_votes_are_read_as_the_orm_reads_them(crowd):
    table = read_all_votes(shard=0, shards=1)

    assert as_rows(table) == read_slowly()
    assert len(table.answer) == 36
    assert (table.question_id.dtype, table.annotator_id.dtype, table.answer.dtype) == tuple(
        map(np.dtype, ("i8", "i8", "i1"))
    )
    assert table.question_id.flags.owndata


def test_a_row_may_be_cut_anywhere(crowd, monkeypatch):
    for size in (1, 7, 19, 33, 100):
        monkeypatch.setattr(copied, "CHUNK_BYTES", size)

        assert as_rows(read_all_votes(shard=0, shards=1)) == read_slowly()


def test_rows_fed_byte_by_byte_are_whole_again():
    rows = copied._CopiedRows({"number": "i8", "share": "f8"})
    row = np.zeros(2, dtype=rows.row)
    row["number"], row["share"] = 2**40, 0.25
    data = copied.SIGNATURE + bytes(8) + row.tobytes() + copied.TRAILER

    for byte in data:
        rows.write(bytes([byte]))

    assert {name: column.tolist() for name, column in rows.join().items()} == {
        "number": [2**40] * 2,
        "share": [0.25] * 2,
    }


def test_votes_of_barred_annotators_are_left_out(crowd):
    barred = find_annotator(crowd[1])
    bars.bar_annotator(annotator_id=barred.pk, reason="all yes", by=make_user("cur", "curator"), at=now())

    table = read_all_votes(shard=0, shards=1)

    assert barred.pk not in table.annotator_id
    assert as_rows(table) == read_slowly()
    assert len(table.answer) == 24


@pytest.mark.parametrize("stripe", [1, 2, 5, 1024])
def test_shards_share_the_questions_out_by_turns_in_stripes_of_their_ids(crowd, monkeypatch, stripe):
    monkeypatch.setattr(stripes, "STRIPE", stripe)

    tables = [read_all_votes(shard=number, shards=3) for number in range(3)]

    for number, table in enumerate(tables):
        assert as_rows(table) == [row for row in read_slowly() if row[0] // stripe % 3 == number]
    assert sum(len(table.answer) for table in tables) == 36


def test_votes_whose_numbers_are_far_apart_are_sorted_all_the_same():
    question, vote_id = np.array([2, 1, 2**40, 1]), np.array([5, 2**50, 1, 7])

    assert _order(question, vote_id).tolist() == [3, 1, 0, 2]
    assert _order(question % 3, vote_id % 100).tolist() == np.lexsort((vote_id % 100, question % 3)).tolist()


def test_no_votes_are_empty_arrays(db):
    table = read_all_votes(shard=0, shards=1)

    assert as_rows(table) == []
    assert (table.question_id.dtype, table.answer.dtype) == (np.dtype("i8"), np.dtype("i1"))

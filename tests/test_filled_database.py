"""The database that benchmarks fill by the million holds what the product itself would have written."""

import numpy as np
import pytest
from django.db import connection
from django.db.models import Count

from annotation.models import BatchItem, Campaign, Question, Vote
from annotation.queries.integrity import CHECKS, find_broken, find_wrong_estimates
from benchmarks.scale.copying import NO_TIMES, Column, copy_rows
from benchmarks.scale.crowd import Annotators, Blocks, find_outcomes, iterate_chunks
from benchmarks.scale.filling import choose_wnids
from tests import builders

QUESTIONS = 2000
CONSTRAINTS = """
SELECT conrelid::regclass, quote_ident(conname) FROM pg_constraint
WHERE contype IN ('c', 'f') AND conrelid <> 0 AND connamespace = 'public'::regnamespace
"""
KINDS = """
CREATE TEMPORARY TABLE kind (
    number bigint, missing smallint, word text, never integer, times timestamptz[], always text)
"""


@pytest.fixture
def filled(django_db_serialized_rollback, transactional_db):
    return builders.fill_database(QUESTIONS)


def validate_constraints():
    """Holds the rows against every check and foreign key, which slept while they were copied."""
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS)
        found = cursor.fetchall()
        cursor.execute("UPDATE pg_constraint SET convalidated = false WHERE contype IN ('c', 'f')")
        for table, name in found:
            cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    return len(found)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_every_promise_of_the_tables_is_kept(filled):
    broken = [found for found in [*map(find_broken, CHECKS), find_wrong_estimates()] if found.count]

    assert validate_constraints() > 50
    assert broken == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_tables_are_as_full_as_was_asked(filled):
    states = dict(Question.objects.values_list("state").annotate(Count("pk")))

    assert sum(states.values()) == filled["rows"]["annotation_question"] == QUESTIONS
    assert 0.85 < states["OPEN"] / QUESTIONS < 0.95
    assert 1.2 < Vote.objects.count() / QUESTIONS < 2.5
    assert Vote.objects.count() == BatchItem.objects.count()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_service_goes_on_from_there(filled):
    batch = builders.vote(builders.make_user("newcomer"), "YES", campaign=Campaign.objects.get())
    builders.estimate_all()

    assert Vote.objects.filter(pk__gt=filled["rows"]["annotation_vote"], batch=batch).exists()
    assert find_wrong_estimates().count == 0


def test_one_synset_is_as_big_as_a_million_of_imagenet():
    blocks = Blocks.lay_out(14_000)
    sizes = np.bincount(blocks.synset, weights=blocks.length)

    assert len(sizes) == 21
    assert sizes[0] == 1000
    assert sizes.sum() == 14_000
    assert set(sizes[1:]) == {650}


def test_nobody_votes_twice_on_a_question():
    (chunk,) = iterate_chunks(questions=5000, annotators=Annotators.draw(5000), outcomes=find_outcomes())
    pages = chunk.pages
    pairs = pages.question * 1000 + pages.annotator[pages.page]

    assert len(np.unique(pairs)) == len(pairs)
    assert 20 <= pages.position.max() <= 24


def test_values_of_all_kinds_come_through_a_copy(db):
    columns: dict[str, Column] = {
        "number": np.array([1, 2], dtype=np.int64),
        "missing": np.ma.masked_array(np.array([3, 4], dtype=np.int16), mask=[True, False]),
        "word": np.array([b"NO", b"UNSURE"]),
        "never": None,
        "times": NO_TIMES,
        "always": b"here",
    }
    with connection.cursor() as cursor:
        cursor.execute(KINDS)
        copy_rows(cursor, "kind", columns)
        cursor.execute("SELECT * FROM kind ORDER BY number")
        rows = cursor.fetchall()

    assert rows == [(1, None, "NO", None, [], "here"), (2, 4, "UNSURE", None, [], "here")]


def test_too_few_synsets_are_refused():
    with pytest.raises(ValueError, match="there are 1 synsets, and 2 are needed"):
        choose_wnids(["n00000001"], 2)

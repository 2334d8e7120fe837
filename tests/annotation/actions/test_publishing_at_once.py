"""A snapshot is published while annotators go on: real transactions that meet."""

import threading

import numpy as np
import pytest
from django.db import connection

from annotation.actions import votes
from annotation.models import Annotator, Vote
from tests import builders


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_barring_who_is_just_sending_votes_and_taking_them_do_not_block_each_other(monkeypatch):
    spammer = builders.make_crowd(1)[0]
    campaign = builders.make_open_campaign([make_asked_synset()], gold_rate=0)
    page, number = builders.lease(spammer, campaign), builders.find_annotator(spammer).pk
    reached, lock_questions = threading.Event(), votes._lock_questions

    def pause(*arguments):
        reached.set()
        reached_by_publication.wait(1)
        return lock_questions(*arguments)

    reached_by_publication = threading.Event()
    monkeypatch.setattr(votes, "_lock_questions", pause)
    sending = threading.Thread(target=send, args=[page])
    sending.start()
    reached.wait(10)
    answers = np.array([[[0, 0, 20], [0, 0, 20]]])
    builders.make_snapshot(counts={number: [[1, 1, 98], [1, 1, 98]]}, gold_answers=answers)
    sending.join()

    assert Vote.objects.count() == 2
    assert Annotator.objects.get(pk=number).barred_at is not None


def make_asked_synset():
    synset = builders.make_synset(1740)
    builders.make_candidates(synset, 2)
    return synset


def send(page):
    try:
        builders.submit(page, "YES")
    finally:
        connection.close()

"""Any sequence of what annotators and curators do, on the real tables, against a model of a page of Python.

The model knows pages and votes. What it does not know is when enough is known: states and votes wanted are read, and held to what may
follow from what. Numbers and lots are the same for each example, so that what was found is mostly found again; where there is nothing to do a rule does
nothing.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils.timezone import now
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from annotation.actions import bars, batches, disputes, drawing, estimates, votes
from annotation.actions.votes import GivenVote
from annotation.models import Annotator, BatchItem, Dispute, Question, Vote
from annotation.queries.integrity import CHECKS, find_broken, find_wrong_estimates
from annotation.rules import LIVE_LEASES
from hierarchy.errors import Conflict, KeyReused, NotPermitted
from tests import builders

ANNOTATORS, PICTURES, MOST_BARRED = 4, 5, 2
FIRST_NUMBER = 10**6
FOLLOWS = {
    "OPEN": {"OPEN", "ACCEPTED", "REJECTED", "DISPUTED"},
    "DISPUTED": {"DISPUTED"},
    "ACCEPTED": {"ACCEPTED"},
    "REJECTED": {"REJECTED"},
}
numbers = st.integers(0, 100)
answers = st.lists(st.sampled_from(["YES", "NO", "UNSURE", None]), min_size=3, max_size=3)


@dataclass
class Page:
    """`state` is LIVE, EXPIRED, RETURNED, SENT or UNDONE; `kept` are the questions it has standing votes on, with the answers."""

    batch: Any
    annotator: int
    questions: list[int]
    state: str = "LIVE"
    sent: dict[int, str] = field(default_factory=dict)
    recorded: int = 0
    late: bool = False
    kept: dict[int, str] = field(default_factory=dict)


class VoteMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        # What an annotator is shown next hangs on the number of the page they sent, which is drawn at random.
        self.patch, chance = pytest.MonkeyPatch(), random.Random(0)
        self.patch.setattr(drawing, "uuid4", lambda: UUID(int=chance.getrandbits(128), version=4))
        self.barred: set[int] = set()
        self.pages: list[Page] = []

    @initialize()
    def open_campaign(self) -> None:
        self.curator = builders.make_user("carol", "curator")
        synset = builders.make_synset(1740)
        builders.make_candidates(synset, PICTURES)
        self.campaign = builders.make_open_campaign(
            [synset], by=self.curator, vote_cap=3, page_size=3, gold_rate=0, undo_seconds=3600
        )
        for number, question in enumerate(self.campaign.questions.order_by("pk")):
            Question.objects.filter(pk=question.pk).update(lot=number)
        # Where an annotator begins hangs on their number.
        self.annotators = list(range(FIRST_NUMBER, FIRST_NUMBER + ANNOTATORS))
        for number, user in zip(self.annotators, builders.make_crowd(ANNOTATORS), strict=True):
            Annotator.objects.filter(user=user).update(id=number)
        self.states = dict.fromkeys(self.campaign.questions.values_list("pk", flat=True), "OPEN")

    def teardown(self) -> None:
        try:
            self.check_promises()
        finally:
            self.patch.undo()
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def check_promises(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # Here the few synsets stand without a WordNet file.
        broken = [found for found in map(find_broken, CHECKS) if found.count and not found.warning]
        assert [found for found in broken if found.name != "hierarchy_is_as_imported"] == []
        assert find_wrong_estimates().count == 0

    def choose_page(self, number: int) -> Page:
        return self.pages[number % len(self.pages)]

    def find_live(self, annotator: int | None = None) -> list[Page]:
        return [page for page in self.pages if page.state == "LIVE" and annotator in (None, page.annotator)]

    def find_voted(self, annotator: int) -> set[int]:
        return {question for page in self.pages if page.annotator == annotator for question in page.kept}

    def count_in_time(self) -> Counter[int]:
        counted = [page for page in self.pages if page.annotator not in self.barred and not page.late]
        return Counter(question for page in counted for question in page.kept)

    # What annotators do

    @rule(seed=st.integers(0, 10**6))
    def work(self, seed: int) -> None:
        """Some of the crowd take pages; most are sent at once, some too late, some not at all."""
        chance = random.Random(seed)
        for annotator in chance.choices(range(ANNOTATORS), k=6):
            before = len(self.pages)
            self.lease(annotator)
            if len(self.pages) > before and chance.random() < 0.6:
                if chance.random() < 0.2:
                    self.expire(0)
                self.submit(before, chance.choices(["YES", "NO", "UNSURE", None], weights=[5, 5, 1, 1], k=3))
            if chance.random() < 0.3:
                self.estimate()

    @rule(number=numbers)
    def lease(self, number: int) -> None:
        annotator = self.annotators[number % ANNOTATORS]
        if annotator in self.barred:
            with pytest.raises(NotPermitted):
                batches.lease_batch(annotator_id=annotator)
            return
        if len(self.find_live(annotator)) == LIVE_LEASES:
            with pytest.raises(Conflict):
                batches.lease_batch(annotator_id=annotator)
            return
        free = self.find_free(annotator)
        batch = batches.lease_batch(annotator_id=annotator)
        assert (batch is not None) == bool(free), "a page is given as long as one can be"
        if batch is None:
            return
        items = BatchItem.objects.filter(batch=batch).order_by("position")
        page = Page(batch, annotator, list(items.values_list("question_id", flat=True)))
        assert set(page.questions) <= free, "nobody is asked twice, and nothing more often than it asks for"
        assert len(set(page.questions)) == len(page.questions)
        self.pages.append(page)

    def find_free(self, annotator: int) -> set[int]:
        """Open questions that ask for more than they have, in votes in time and in live leases, and that are new to this annotator."""
        taken = self.count_in_time() + Counter(question for page in self.find_live() for question in page.questions)
        wanted = Question.objects.filter(state="OPEN").values_list("pk", "votes_wanted")
        mine = self.find_voted(annotator).union(*(page.questions for page in self.find_live(annotator)))
        return {
            question for question, votes_wanted in wanted if taken[question] < votes_wanted and question not in mine
        }

    @rule(number=numbers, answers=answers)
    def submit(self, number: int, answers: list[str | None]) -> None:
        if not self.pages:
            return
        page = self.choose_page(number)
        given = {place: answer for place, answer in enumerate(answers[: len(page.questions)], start=1) if answer}
        if given:
            self.send(page, given)

    @rule(number=numbers)
    def send_again(self, number: int) -> None:
        sent = [page for page in self.pages if page.sent]
        if sent:
            page = sent[number % len(sent)]
            self.send(page, page.sent)

    def send(self, page: Page, given: dict[int, str]) -> None:
        call = {
            "annotator_id": page.annotator,
            "batch_id": page.batch.pk,
            "votes": [GivenVote(position=place, answer=answer) for place, answer in given.items()],
            "key": f"key of {page.batch.pk}",
        }
        refusal = self.find_refusal(page, given)
        if refusal is not None:
            with pytest.raises(refusal):
                votes.submit_batch(**call)
            return
        if not page.sent:
            new = {page.questions[place - 1]: answer for place, answer in given.items()}
            voted = self.find_voted(page.annotator)
            page.kept = {question: answer for question, answer in new.items() if question not in voted}
            page.sent, page.recorded, page.late = given, len(page.kept), page.state == "EXPIRED"
            page.state = "SENT"
        receipt = votes.submit_batch(**call)
        assert (receipt.recorded, receipt.late) == (page.recorded, page.late)

    def find_refusal(self, page: Page, given: dict[int, str]) -> type[Exception] | None:
        if page.sent:
            return None if given == page.sent else KeyReused
        if page.annotator in self.barred:
            return NotPermitted
        return Conflict if page.state == "RETURNED" else None

    @rule(number=numbers)
    def give_back(self, number: int) -> None:
        if not self.pages:
            return
        page = self.choose_page(number)
        call = {"annotator_id": page.annotator, "batch_id": page.batch.pk}
        if page.sent:
            with pytest.raises(Conflict):
                batches.return_batch(**call)
            return
        batches.return_batch(**call)
        page.state = "RETURNED"

    @rule(number=numbers)
    def undo(self, number: int) -> None:
        if not self.pages:
            return
        page = self.choose_page(number)
        call = {"annotator_id": page.annotator, "batch_id": page.batch.pk}
        if page.annotator in self.barred or not page.sent:
            with pytest.raises((NotPermitted, Conflict)):
                votes.undo_batch(**call)
            return
        assert votes.undo_batch(**call) == len(page.kept)
        page.kept, page.state = {}, "UNDONE"

    # What happens to them

    @rule(number=numbers)
    def expire(self, number: int) -> None:
        live = self.find_live()
        if not live:
            return
        page = live[number % len(live)]
        page.batch.refresh_from_db()
        builders.expire(page.batch)
        page.state = "EXPIRED"

    @rule(number=numbers)
    def bar(self, number: int) -> None:
        voters = sorted({page.annotator for page in self.pages if page.kept})
        if not voters or len(self.barred) == MOST_BARRED:
            return
        annotator = voters[number % len(voters)]
        bars.bar_annotator(annotator_id=annotator, reason="all yes", by=self.curator, at=now())
        self.barred.add(annotator)
        for page in self.pages:
            if page.annotator == annotator and not page.sent:
                page.state = "RETURNED"

    @rule(number=numbers)
    def unbar(self, number: int) -> None:
        if not self.barred:
            return
        annotator = sorted(self.barred)[number % len(self.barred)]
        bars.unbar_annotator(annotator_id=annotator, by=self.curator, at=now())
        self.barred.remove(annotator)

    @rule()
    def estimate(self) -> None:
        while estimates.estimate_due(at=now()):
            pass
        for question, state in Question.objects.values_list("pk", "state"):
            assert state in FOLLOWS[self.states[question]], f"{self.states[question]} does not become {state} by votes"
            self.states[question] = state

    @rule(number=numbers, verdict=st.sampled_from(["ACCEPTED", "REJECTED"]))
    def settle(self, number: int, verdict: str) -> None:
        self.estimate()
        disputed = [question for question, state in self.states.items() if state == "DISPUTED"]
        if not disputed:
            return
        dispute = Dispute.objects.get(question=disputed[number % len(disputed)], settled_at=None)
        disputes.settle_dispute(
            dispute_id=dispute.pk, version=dispute.version, verdict=verdict, reason="seen", by=self.curator, at=now()
        )
        self.states[dispute.question_id] = verdict

    # What always holds

    @invariant()
    def votes_that_stand_are_those_that_were_acknowledged(self) -> None:
        rows = Vote.objects.standing().values_list("annotator_id", "question_id", "answer", "late")
        expected = [
            (page.annotator, question, answer, page.late)
            for page in self.pages
            for question, answer in page.kept.items()
        ]
        assert sorted(rows) == sorted(expected)

    @invariant()
    def every_count_is_a_recount(self) -> None:
        counted = self.count_in_time()
        found = dict(Question.objects.values_list("pk", "votes_in_time"))
        assert found == {question: counted[question] for question in found}

    @invariant()
    def what_is_held_is_what_lies_on_open_pages(self) -> None:
        held = Counter(question for page in self.find_live() for question in page.questions)
        rows = Question.objects.values_list("pk", "held_until")
        assert {pk: sum(until > now() for until in moments) for pk, moments in rows} == {pk: held[pk] for pk, _ in rows}


@pytest.mark.django_db
def test_whatever_annotators_and_curators_do_the_tables_follow_the_model():
    run_state_machine_as_test(
        VoteMachine,
        settings=settings(
            max_examples=40,
            phases=[Phase.generate],
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

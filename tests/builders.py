"""What most tests of the annotation app begin with. Everything but synsets and images is made by actions, as in life."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils.timezone import now

from annotation.actions import accounts, batches, campaigns, estimates, gold, snapshots, votes
from annotation.actions.votes import GivenVote, Receipt
from annotation.consensus.calibrate import Calibration
from annotation.consensus.decide import Rule
from annotation.consensus.model import Parameters
from annotation.consensus.synsets import SynsetTable
from annotation.consensus.workers import judge_workers
from annotation.models import Annotator, Batch, BatchItem, Campaign, Conduct, DueQuestions, Question, Snapshot
from annotation.rules import PolicyValues
from benchmarks.scale import fill
from hierarchy.models import Candidate, Closure, ParentLink, Synset, SynsetWord
from tests.hierarchy.rows import COLLECTED_AT, make_images

PASSWORD = "correct horse battery staple"
# A crowd that sees well: three agreeing votes settle a question, one against one leaves it open.
CLEAR = Parameters(
    shares=np.array([0.6, 0.4]),
    meanings=np.array([[0.999, 0.001], [0.001, 0.999]]),
    responses=np.array([[0.85, 0.1, 0.05], [0.05, 0.1, 0.85]]),
    strengths=np.array([10.0, 10.0]),
    discount=0.0,
)
_numbers = itertools.count(1)


def make_synset(
    number: int, *, words: Sequence[str] = (), parents: Sequence[Synset] = (), safety: str = "UNSET"
) -> Synset:
    """A synset with its search words, its links to `parents` and its rows of the closure."""
    named = list(words) or [f"thing {number}"]
    wnid = f"n{number:08d}"
    synset = Synset.objects.create(id=number, wnid=wnid, words=named, gloss=f"gloss of {wnid}", safety=safety)
    SynsetWord.objects.bulk_create(
        SynsetWord(synset=synset, position=position, word=word.lower()) for position, word in enumerate(named)
    )
    ParentLink.objects.bulk_create(ParentLink(child=synset, parent=parent, instance=False) for parent in parents)
    above = {synset.pk: 0}
    for pair in Closure.objects.filter(descendant__in=parents).order_by("-distance"):
        above[pair.ancestor_id] = min(pair.distance + 1, above.get(pair.ancestor_id, pair.distance + 1))
    Closure.objects.bulk_create(
        Closure(ancestor_id=ancestor, descendant=synset, distance=distance, instance=False)
        for ancestor, distance in above.items()
    )
    return synset


def make_candidates(synset: Synset, count: int) -> list[Candidate]:
    """That many candidates of the synset, each with an image of its own (rows only, no files)."""
    return Candidate.objects.bulk_create(
        Candidate(image=image, synset=synset, collected_at=COLLECTED_AT)
        for image in make_images(count, name=f"{synset.wnid} {next(_numbers)}")
    )


def make_user(name: str, role: str = "annotator", *, at: datetime | None = None) -> User:
    """An account with its annotator; role annotator, curator or operator (a curator who is superuser)."""
    group = "curator" if role == "operator" else role
    # Tests that commit empty every table afterwards, also of what migrations wrote.
    Group.objects.get_or_create(name=group)
    user = accounts.create_user(username=name, password=PASSWORD, role=group, by=None, at=at or now())
    if role == "operator":
        user.is_superuser = user.is_staff = True
        user.save(update_fields=["is_superuser", "is_staff"])
    return user


def make_crowd(count: int) -> list[User]:
    """That many annotators without passwords and roles, for tests that need many: two statements."""
    users = User.objects.bulk_create(User(username=f"crowd-{next(_numbers)}") for _ in range(count))
    Annotator.objects.bulk_create(Annotator(user=user, joined_at=now()) for user in users)
    return users


def make_token(user: User, scope: str) -> str:
    """The key of a new token."""
    return accounts.create_token(user=user, scope=scope, by=user, at=now())[1]


def make_snapshot(
    parameters: Parameters = CLEAR,
    *,
    counts: Mapping[int, Any] | None = None,
    gold_answers: Any = None,
    rules: Mapping[Rule, Calibration] | None = None,
    synset_factors: SynsetTable | None = None,
) -> Snapshot:
    """Publishes parameters with the skills of annotators from their expected votes [S, 3] by id; `gold_answers[W, 2, 3]`."""
    counts = counts or {}
    votes_of = np.array(list(counts.values()), dtype=np.float64).reshape(-1, *parameters.responses.shape)
    if gold_answers is None:
        gold_answers = np.zeros((len(counts), 2, 3), dtype=np.int64)
    snapshot = snapshots.publish_snapshot(
        parameters=parameters,
        rules=rules or {},
        annotator_ids=list(counts),
        skills=judge_workers(counts=votes_of, parameters=parameters, gold_answers=gold_answers),
        votes=0,
        questions=0,
        gold=0,
        rounds=0,
        log_likelihood=None,
        report={},
        by=None,
        at=now(),
        synset_factors=synset_factors,
    )
    snapshots.follow_snapshot(snapshot=snapshot, at=now())
    return snapshot


def make_open_campaign(
    synsets: Sequence[Synset], *, name: str | None = None, by: User | None = None, **policy: Any
) -> Campaign:
    """An open campaign over these synsets, which need candidates; `policy` holds fields of PolicyValues.

    The crowd sees well (`CLEAR`), unless a snapshot is there already.
    """
    if not Snapshot.objects.exists():
        make_snapshot()
    name = name or f"campaign-{next(_numbers)}"
    by = by or make_user(f"curator-of-{name}", "curator")
    wnids = [synset.wnid for synset in synsets]
    values = PolicyValues(**policy)
    campaigns.draft_campaign(name=name, title=f"Title of {name}", wnids=wnids, policy=values, by=by, at=now())
    return campaigns.open_campaign(name=name, by=by, at=now())


def make_question(*, number: int = 1740, **policy: Any) -> Question:
    """The only question of an open campaign over a new synset."""
    synset = make_synset(number)
    make_candidates(synset, 1)
    return make_open_campaign([synset], **policy).questions.get()


def make_gold(question: Question, truth: str = "YES") -> None:
    gold.record_gold(truths={question.pk: truth}, source="CURATOR", by=None, at=now())


def make_conduct(annotator: Annotator, **found: Any) -> Conduct:
    """As if a snapshot had found that of the annotator."""
    usual = {"gold": 0, "right": 0, "hurried": False, "monotonous": False, "checked": "USUAL", "found_at": now()}
    return Conduct.objects.update_or_create(annotator=annotator, defaults=usual | found)[0]


def find_annotator(user: User) -> Annotator:
    return Annotator.objects.get(user=user)


def lease(user: User, campaign: Campaign | None = None, *, size: int | None = None) -> Batch:
    """A page that must be there."""
    name = campaign.name if campaign else None
    batch = batches.lease_batch(annotator_id=find_annotator(user).pk, campaign_name=name, size=size)
    assert batch is not None, "nothing is left to lease"
    return batch


def submit(batch: Batch, answers: str | Sequence[str] = "YES", *, key: str | None = None) -> Receipt:
    """Votes on a page: one answer for all of it, or one for each position from 1 on."""
    positions = list(BatchItem.objects.filter(batch=batch).order_by("position").values_list("position", flat=True))
    given = [answers] * len(positions) if isinstance(answers, str) else list(answers)
    return votes.submit_batch(
        annotator_id=batch.annotator_id,
        batch_id=batch.pk,
        votes=[GivenVote(position=at, answer=answer) for at, answer in zip(positions, given, strict=False)],
        key=key or f"key-{next(_numbers)}",
    )


def set_expiry(batch: Batch, moment: datetime) -> None:
    """As if the lease had been granted until then."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE annotation_question SET held_until = array_replace(held_until, %s, %s)
               WHERE id IN (SELECT question_id FROM annotation_batchitem WHERE batch_id = %s)""",
            [batch.expires_at, moment, batch.pk],
        )
    leased_at = min(batch.leased_at, moment - timedelta(hours=2))
    Batch.objects.filter(pk=batch.pk).update(leased_at=leased_at, expires_at=moment)


def expire(batch: Batch) -> None:
    """As if its lease had been granted two hours ago."""
    set_expiry(batch, batch.expires_at - timedelta(hours=2))


def vote(user: User, answers: str | Sequence[str] = "YES", *, campaign: Campaign | None = None) -> Batch:
    """Leases a page and sends it."""
    batch = lease(user, campaign)
    submit(batch, answers)
    batch.refresh_from_db()
    return batch


def make_votes(campaign: Campaign, answers: Sequence[str]) -> list[User]:
    """One new annotator for each answer, who gives it to a whole page."""
    users = [make_user(f"annotator-{next(_numbers)}") for _ in answers]
    for user, answer in zip(users, answers, strict=True):
        vote(user, answer, campaign=campaign)
        estimate_all()
    return users


def make_dispute(*, number: int = 1740) -> Question:
    """A question that two voters left to a curator."""
    question = make_question(number=number, vote_cap=2, gold_rate=0)
    make_votes(question.campaign, ["YES", "NO"])
    question.refresh_from_db()
    assert question.state == Question.State.DISPUTED
    return question


def fill_database(questions: int) -> dict[str, Any]:
    """What the benchmarks fill a database with, over three synsets, in a test that commits."""
    for name in ("annotator", "curator"):
        # Other tests that commit have emptied every table.
        Group.objects.get_or_create(name=name)
    for number in range(3):
        make_synset(number + 1)
    return fill.fill_database(questions=questions, progress=lambda _: None)


def make_due(*questions: Question, at: datetime | None = None) -> None:
    """As if what their estimates rest on had changed then; of all questions where none is given."""
    chosen = questions or Question.objects.filter(is_gold=False)
    for question in chosen:
        DueQuestions.objects.create(campaign_id=question.campaign_id, questions=[question.pk], due_at=at or now())


def estimate_all() -> None:
    """What the Celery task does when the doorbell rings."""
    while estimates.estimate_due(at=now()):
        pass

"""What follows when every shard has been asked: the next pass, the next stage, the snapshot."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from django.db import transaction

from annotation.actions.estimation_passes import allow_time, find_share
from annotation.actions.measurements import record_measurements
from annotation.actions.snapshots import follow_snapshot, publish_snapshot
from annotation.consensus.calibrate import Calibration, Side, choose_tolerances
from annotation.consensus.decide import Rule
from annotation.consensus.fit import Course
from annotation.consensus.leaveout import leave_out
from annotation.consensus.outlook import foresee
from annotation.consensus.procedure import (
    DISORDER,
    VOTES_JUDGED,
    find_objection,
    hear_known,
    is_ordered,
    replay_left_out,
)
from annotation.consensus.sampling import fit_samples
from annotation.consensus.scorecard import join_agreement
from annotation.consensus.shards import (
    Shard,
    count_gold_answers,
    join_shards,
    make_course,
    pack_course,
    take_pass,
    unpack_course,
    unpack_expectation,
)
from annotation.consensus.synsets import SynsetTable, count_states, find_factors, join_tables, know_beforehand
from annotation.consensus.workers import judge_workers
from annotation.models import Campaign, Estimation, Snapshot
from annotation.queries.campaigns import find_policies
from annotation.queries.snapshots import write_rule
from annotation.queries.teaching import read_parents

Stage = Estimation.Stage


def end_pass(*, estimation: Estimation, at: datetime) -> bool:
    """Sums up the pass in which every shard has been asked, and makes the next one due; false where one has not been, or
    where somebody else is summing up."""
    with transaction.atomic():
        if estimation.parts.filter(passes__lte=estimation.passes).exists():
            return False
        running = _lock(estimation)
        if running is None or (running.stage, running.passes) != (estimation.stage, estimation.passes):
            return running is not None
        _sum_up(running, at)
        running.failures, running.progressed_at = 0, at
        running.save()
    return True


def end_rules(*, estimation: Estimation, at: datetime) -> bool:
    """Asks gold about one more of the rules in force; publishes the snapshot when all are done. False where somebody else is
    at it."""
    with transaction.atomic():
        running = _lock(estimation)
        if running is None:
            return False
        known, snapshot = _read_known(running), None
        course = unpack_course(bytes(running.course))
        rule = _find_next_rule(running) if known.drawn.any() else None
        if rule is None:
            snapshot = _publish(running, known, at)
        else:
            factors = _read_factors(running)
            runs = replay_left_out(known=known, course=course, factors=factors, vote_cap=rule.vote_cap)
            calibration = choose_tolerances(runs=runs, parameters=course.parameters, rule=rule)
            running.rules = [*running.rules, write_rule(rule, calibration)]
        running.failures, running.progressed_at = 0, at
        running.save()
    if snapshot is not None:
        follow_snapshot(snapshot=snapshot, at=at)
    return True


def empty(estimation: Estimation) -> None:
    """What was needed only while it ran goes; the caller saves the row."""
    estimation.annotator_ids = estimation.course = estimation.previous = estimation.synset_factors = b""
    estimation.parts.all().delete()


def _lock(estimation: Estimation) -> Estimation | None:
    """Whoever holds the lock does all that is to be done, so nobody waits for it."""
    allow_time()
    running = Estimation.objects.select_for_update(skip_locked=True).filter(status=Estimation.Status.RUNNING)
    return running.filter(pk=estimation.pk).first()


def _sum_up(running: Estimation, at: datetime) -> None:
    asked = unpack_course(bytes(running.course))
    statistics = [bytes(each) for each in running.parts.order_by("shard").values_list("statistics", flat=True) if each]
    if sampled := find_share(running, asked) < 1:
        course = fit_samples(asked, [Shard.from_bytes(each) for each in statistics])
    else:
        before = unpack_course(bytes(running.previous)) if running.previous else None
        course = take_pass(asked, [unpack_expectation(each) for each in statistics], before=before)
    if not running.passes:
        _count(running)
    running.passes, running.rounds, running.log_likelihood = running.passes + 1, course.rounds, course.log_likelihood
    # Of all votes the next pass is the first one that asks them.
    running.previous, running.course = b"" if sampled else running.course, pack_course(course)
    if course.finished and running.stage == Stage.BLIND:
        _end_blind(running, course, at)
    elif course.finished:
        running.stage = Stage.RULES


def _end_blind(running: Estimation, course: Course, at: datetime) -> None:
    """Gold says what the states found without its truth mean, and whether to keep the shares of synsets; then all that is
    known is clamped and teaches, too, which goes on from what has been learned: it spares many passes."""
    known, judged = _read_known(running), _read_votes(running)
    objection = find_objection(course=course, shards=judged)
    if objection:
        _finish(running, at, reason=objection)
        return
    heard = hear_known(known=known, course=course, find_factors=partial(_find_factors, running, course))
    running.blind_rounds = course.rounds
    running.gold_loss, running.synset_loss = heard.loss_without, heard.loss_with
    running.synset_factors = heard.factors.to_bytes() if heard.factors is not None else b""
    running.stage = Stage.RULES
    if len(known.item_id):
        running.stage, running.previous, running.rounds = Stage.CLAMPED, b"", 0
        running.start = heard.parameters.to_json()
        follows = make_course(parameters=heard.parameters, counts=course.counts, plan=course.plan.follow())
        running.course = pack_course(follows)


def _find_factors(running: Estimation, course: Course) -> SynsetTable:
    """All votes are looked at once more, shard by shard."""
    counts = join_tables([count_states(shard=shard, course=course) for shard in _iterate_votes(running)])
    return find_factors(counts=counts, parents=read_parents(), shares=course.parameters.shares)


def _count(running: Estimation) -> None:
    figures = list(running.parts.values_list("figures", flat=True))
    running.votes, running.questions, running.gold = (
        sum(each[name] for each in figures) for name in ("votes", "questions", "gold")
    )


def _find_next_rule(running: Estimation) -> Rule | None:
    """One of the policies in force that gold has not been asked about."""
    campaigns = Campaign.objects.exclude(state=Campaign.State.CLOSED).values_list("pk", flat=True)
    wanted = {(policy.target_error, policy.vote_cap) for policy in find_policies(list(campaigns)).values()}
    asked = {(entry["target_error"], entry["vote_cap"]) for entry in running.rules}
    for target_error, vote_cap in sorted(wanted - asked):
        return Rule(target_error=target_error, vote_cap=vote_cap)
    return None


def _publish(running: Estimation, known: Shard, at: datetime) -> Snapshot | None:
    course = unpack_course(bytes(running.course))
    if not is_ordered(course.parameters):
        _finish(running, at, reason=DISORDER)
        return None
    gold_answers, factors = count_gold_answers(known), _read_factors(running)
    snapshot = publish_snapshot(
        parameters=replace(course.parameters, outlook=foresee(counts=course.counts, parameters=course.parameters)),
        rules=dict(_read_calibration(entry) for entry in running.rules),
        annotator_ids=np.frombuffer(bytes(running.annotator_ids), dtype=np.int64),
        skills=judge_workers(counts=course.counts, parameters=course.parameters, gold_answers=gold_answers),
        votes=running.votes,
        questions=running.questions,
        gold=running.gold,
        rounds=course.rounds,
        log_likelihood=course.log_likelihood,
        report=_describe(running, course),
        by=running.started_by,
        at=at,
        synset_factors=factors,
    )
    agreement = [row for figures in running.parts.values_list("figures", flat=True) for row in figures["agreement"]]
    record_measurements(
        snapshot=snapshot,
        known=known,
        added=leave_out(votes=known.votes, truth=known.truth, course=course),
        log_prior=know_beforehand(shard=known, parameters=course.parameters, factors=factors),
        agreement=join_agreement(agreement),
    )
    _finish(running, at, snapshot=snapshot)
    return snapshot


def _describe(running: Estimation, course: Course) -> dict[str, Any]:
    """What the snapshot says of how it came about. Losses are in nats a gold question, without and with shares of synsets."""
    return {
        "estimation": running.pk,
        "based_on": running.based_on_id,
        "passes": running.passes,
        "blind_rounds": running.blind_rounds,
        "converged": course.converged,
        "gold_loss": running.gold_loss,
        "synset_loss": running.synset_loss,
        "synset_shares_kept": bool(running.synset_factors),
    }


def _finish(running: Estimation, at: datetime, *, snapshot: Snapshot | None = None, reason: str = "") -> None:
    running.status, running.finished_at = Estimation.Status.DONE, at
    running.snapshot, running.reason = snapshot, reason
    empty(running)


def _read_known(running: Estimation) -> Shard:
    """The same, whatever the number of shards."""
    found = running.parts.order_by("shard").values_list("known", flat=True)
    return join_shards([Shard.from_bytes(bytes(each)) for each in found if each is not None])


def _read_factors(running: Estimation) -> SynsetTable | None:
    return SynsetTable.from_bytes(bytes(running.synset_factors)) if running.synset_factors else None


def _iterate_votes(running: Estimation) -> Iterator[Shard]:
    for content in running.parts.order_by("shard").values_list("votes", flat=True).iterator(chunk_size=1):
        assert content is not None, "every shard has been read"
        yield Shard.from_bytes(bytes(content))


def _read_votes(running: Estimation) -> list[Shard]:
    """All votes, or those on as many questions as are needed to judge them."""
    shards: list[Shard] = []
    left = VOTES_JUDGED
    for shard in _iterate_votes(running):
        shards.append(_take_first(shard, votes=left))
        left -= len(shards[-1].votes)
        if left <= 0:
            break
    return shards


def _take_first(shard: Shard, *, votes: int) -> Shard:
    """So many of its votes, or a few more: a question's stay together."""
    if len(shard.votes) <= votes:
        return shard
    return shard.select(np.arange(len(shard.item_id)) <= shard.votes.item[votes])


def _read_calibration(entry: Mapping[str, Any]) -> tuple[Rule, Calibration]:
    """What `write_rule` wrote."""
    plain = {name: entry[name] for name in ("gold", "votes", "undecided")}
    calibration = Calibration(accept=Side(**entry["accept"]), reject=Side(**entry["reject"]), **plain)
    return Rule(target_error=entry["target_error"], vote_cap=entry["vote_cap"]), calibration

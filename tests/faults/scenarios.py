"""The scenarios in their order, and what must hold after each."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg2

from annotation.management.crowd import CrowdError
from tests.faults import harms
from tests.faults.crowd import Load, Notes, Pace
from tests.faults.history import Outcome, compare
from tests.faults.stage import ANNOTATORS, CROWD, POLICY, SWEEP_SECONDS, Stage
from tests.functional.promises import DUE, VOTES, WITHOUT_END
from tests.functional.service import wait_until

# As people look at four pictures, if they are quick.
QUICK = Pace(0.1, 0.5)
AT_ONCE = Pace()
SLOW = Pace(0.8, 1.6)
SETTLE_SECONDS = 60
SHORTEST_SECONDS = 2 * SWEEP_SECONDS + 2
# A page of the same annotator with the same question cannot come about, and its vote must be refused all the same.
PROBE = """
WITH vote AS (SELECT * FROM annotation_vote WHERE withdrawn_at IS NULL ORDER BY id LIMIT 1),
page AS (INSERT INTO annotation_batch (id, annotator_id, campaign_id, synset_id, leased_at, expires_at, outcome, late, places)
    SELECT gen_random_uuid(), batch.annotator_id, batch.campaign_id, batch.synset_id, now(), now() + interval '1 hour', '', false,
           batch.places FROM annotation_batch AS batch JOIN vote ON vote.batch_id = batch.id RETURNING id),
item AS (INSERT INTO annotation_batchitem (batch_id, position, question_id) SELECT page.id, 1, vote.question_id FROM page, vote)
INSERT INTO annotation_vote (question_id, annotator_id, batch_id, position, answer, late, voted_at)
SELECT vote.question_id, vote.annotator_id, page.id, 1, vote.answer, false, now() FROM vote, page
"""

# Whoever still had a page of the campaign before sends it first: late, and kept.
PAGES = """
SELECT batch_id::text, position, answer, count(*) FROM annotation_vote WHERE batch_id = ANY(%s::uuid[]) GROUP BY batch_id, position, answer
"""


@dataclass(frozen=True)
class Scenario:
    """`title` stands in the table. `own_stage`: it needs servers of its own."""

    name: str
    title: str
    harm: harms.Harm
    pace: Pace = QUICK
    annotators: int = ANNOTATORS
    synsets: int = harms.ALL_SYNSETS
    policy: str = POLICY
    variables: dict[str, str] = field(default_factory=dict)
    before: Callable[[Stage], None] = lambda stage: None
    small_disk: bool = False
    upgrade: bool = False


@dataclass(frozen=True)
class Result:
    """`problems` is empty where everything promised held."""

    scenario: Scenario
    outcome: Outcome | None
    notes: Notes
    seconds: float
    problems: list[str]


SKEWED = {"SKEW_SECONDS": "web:-300,worker:300,labeller:300"}
SCENARIOS = (
    Scenario("none", "no fault", harms.do_nothing),
    Scenario(
        "crowd",
        "50 annotators on 40 questions, workers stopped",
        harms.crowd_together,
        AT_ONCE,
        CROWD,
        synsets=1,
        before=harms.stop_workers,
    ),
    Scenario("postgres", "PostgreSQL killed", harms.kill("postgres"), AT_ONCE),
    Scenario("valkey", "Valkey killed", harms.kill("valkey")),
    Scenario("web", "web killed", harms.kill("web")),
    Scenario("workers", "workers killed", harms.kill(*harms.WORKERS, count=harms.KILLS + 1)),
    Scenario("beat", "beat killed", harms.kill("beat")),
    Scenario("commits", "connections cut in the middle of COMMIT", harms.cut_commits),
    Scenario("replies", "replies to votes reset", harms.reset_replies),
    Scenario("flushed", "Redis emptied, workers killed", harms.flush_redis),
    Scenario("slow", "Redis slow", harms.slow_redis),
    Scenario("swallowed", "Redis swallows everything", harms.swallow_redis),
    Scenario("repeated", "tasks repeated, overlapping", harms.repeat_tasks),
    Scenario("poison", "questions and messages that fail", harms.poison),
    Scenario("clocks", "clocks ten minutes apart", harms.do_nothing, variables=SKEWED),
    Scenario("upgrade", "upgrade from an earlier version", harms.upgrade, SLOW, upgrade=True),
    Scenario("disk", "PostgreSQL's disk full", harms.fill_disk, small_disk=True),
)


def run_scenario(stage: Stage, scenario: Scenario, seed: int) -> Result:
    """One campaign under harm, to its end. What goes wrong is told, not raised."""
    begun, problems, notes, outcome = time.monotonic(), [], Notes(), None
    try:
        load = stage.open_campaign(
            policy=scenario.policy, synsets=scenario.synsets, pace=scenario.pace, annotators=scenario.annotators
        )
        scenario.before(stage)
        with load.at_work() as notes:
            scenario.harm(stage, load, notes, random.Random(f"{seed} {scenario.name}"))
        time.sleep(max(0.0, begun + SHORTEST_SECONDS - time.monotonic()))
        outcome = _compare(stage, load, notes)
        problems = [*_describe(outcome, notes), *_check(stage, load)]
    except (AssertionError, RuntimeError, CrowdError) as error:
        problems.append(f"{type(error).__name__}: {error}")
    return Result(scenario, outcome, notes, time.monotonic() - begun, problems)


def _compare(stage: Stage, load: Load, notes: Notes) -> Outcome:
    counted = {*stage.service.ask(VOTES, load.campaign), *stage.service.ask(PAGES, list(notes.confirmed))}
    rows = [(batch, position, answer) for batch, position, answer, count in counted for _ in range(count)]
    return compare(sent=notes.sent, confirmed=notes.confirmed, rows=rows)


def _describe(outcome: Outcome, notes: Notes) -> list[str]:
    problems = [
        f"{getattr(outcome, name)} votes {name}"
        for name in ("lost", "surplus", "doubled", "foreign")
        if getattr(outcome, name)
    ]
    return problems + [f"answered against the promise: {surprise}" for surprise in notes.surprises[:5]]


def _check(stage: Stage, load: Load) -> list[str]:
    problems = []
    try:
        wait_until(lambda: stage.service.ask(DUE) == [(0,)], seconds=SETTLE_SECONDS, what="every vote is estimated")
    except AssertionError as error:
        problems.append(str(error))
    if unfinished := stage.service.ask(WITHOUT_END, load.campaign):
        problems.append(f"questions without their one label or dispute: {unfinished[:5]}")
    try:
        stage.service.manage("verify_integrity")
    except AssertionError as error:
        problems.append(
            "verify_integrity: " + ", ".join(line for line in str(error).splitlines() if "FAILED" in line)[:500]
        )
    return [*problems, *_probe(stage)]


def _probe(stage: Stage) -> list[str]:
    """Whether the database itself refuses a second vote, whatever the code does."""
    connection = stage.service.open_database()
    connection.autocommit = False
    try:
        connection.cursor().execute(PROBE)
    except psycopg2.Error as error:
        return [] if "vote_once_per_annotator" in str(error) else [f"a second vote was refused otherwise: {error}"]
    else:
        return ["the database takes a second vote of an annotator on a question"]
    finally:
        connection.rollback()
        connection.close()

"""What is done to a service while a crowd votes. Each takes (stage, load, notes, chance) and returns when the harm is over."""

import contextlib
import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing

from tests.faults.crowd import Load, Notes
from tests.faults.proxy import BlackHole, CutMessage, Slow
from tests.faults.stage import WNIDS, Stage
from tests.functional.service import CHECKOUT, wait_until

WORKERS = ("worker", "labeller")
KILLS = 3
# Acknowledged votes between which harm falls: the crowd has begun, and has not nearly finished.
FIRST, LAST = 20, 300
VOTE_SECONDS = 60
LONGEST_WAIT = 0.2
SLOW_SECONDS = 0.15
HARM_SECONDS = 8.0
# Longer than a migration waits for a table.
BUSY_SECONDS = 7.0
# Longer than a message stays with whoever took it (VISIBILITY_SECONDS).
HELD_SECONDS = 11.0
# "COMMIT" as a client of PostgreSQL sends it.
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
CUT_COMMITS, CUT_REPLIES = 0.1, 0.2
POISONED = 3
BLOCK = 4096
POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON annotation_estimate FOR EACH ROW
WHEN (NEW.question_id IN ({questions})) EXECUTE FUNCTION poison()
"""
ANTIDOTE = "DROP TRIGGER poison ON annotation_estimate; DROP FUNCTION poison()"
OF_CAMPAIGN = """annotation_question AS question JOIN annotation_campaign AS campaign ON campaign.id = question.campaign_id
WHERE campaign.name = %s"""
UNFILLED = f"""
SELECT (SELECT count(*) FROM {OF_CAMPAIGN} AND question.state = 'OPEN' AND question.votes_in_time < question.votes_wanted)
"""
# Without the counter that leases go by.
NOT_AS_ASKED = f"""
SELECT question.id, question.votes_wanted, (SELECT count(*) FROM annotation_vote WHERE question_id = question.id
AND withdrawn_at IS NULL AND NOT late) FROM {OF_CAMPAIGN} AND question.votes_wanted <> (
    SELECT count(*) FROM annotation_vote WHERE question_id = question.id AND withdrawn_at IS NULL AND NOT late)
"""


IN_TRANSACTION = """
SELECT pid FROM pg_stat_activity WHERE usename = 'veriset_app' AND state LIKE 'idle in transaction%%' AND pid <> pg_backend_pid()
"""


Harm = Callable[[Stage, Load, Notes, random.Random], None]


class Broken(AssertionError):
    """A promise that was seen broken while the harm was done."""


def wait_for_votes(notes: Notes, votes: int) -> None:
    wait_until(lambda: notes.votes >= votes, seconds=VOTE_SECONDS, what=f"{votes} votes are acknowledged")


def at_moments(load: Load, notes: Notes, chance: random.Random, *, count: int = KILLS):
    """So many moments between FIRST and LAST votes, at none of which the crowd has finished."""
    for votes in sorted(chance.sample(range(FIRST, LAST), count)):
        wait_for_votes(notes, votes)
        time.sleep(chance.uniform(0, LONGEST_WAIT))
        if load.count_waiting() == 0:
            raise Broken("the crowd had finished before the harm")
        yield votes


def stop_workers(stage: Stage) -> None:
    """SIGSTOP, but not in the middle of a transaction, whose locks others would wait for."""

    def stop() -> bool:
        stage.signal(WORKERS, signal.SIGSTOP)
        held = {row[0] for row in stage.service.ask(IN_TRANSACTION)}
        for _ in range(5):
            time.sleep(0.1)
            held &= {row[0] for row in stage.service.ask(IN_TRANSACTION)}
        if held:
            stage.signal(WORKERS, signal.SIGCONT)
        return not held

    wait_until(stop, seconds=VOTE_SECONDS, what="workers are stopped between two transactions")


def do_nothing(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    wait_for_votes(notes, LAST)


def kill(*names: str, count: int = KILLS) -> Harm:
    """So many times, one after the other of these."""

    def harm(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
        for number, _ in enumerate(at_moments(load, notes, chance, count=count)):
            stage.kill(names[number % len(names)])

    return harm


def cut_commits(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    fault = CutMessage(begins=COMMIT, share=CUT_COMMITS, after=0.5, seed=chance.getrandbits(32))
    stage.database_proxy.fault = fault
    wait_for_votes(notes, LAST)
    stage.database_proxy.fault = None
    if not fault.cuts:
        raise Broken("no commit was cut")


def reset_replies(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    fault = CutMessage(
        begins=b"POST /api/v1/batches/", holds=b"/votes/", share=CUT_REPLIES, after=0.8, seed=chance.getrandbits(32)
    )
    stage.web_proxy.fault = fault
    wait_for_votes(notes, LAST)
    stage.web_proxy.fault = None
    if not fault.cuts:
        raise Broken("no reply was cut")


def flush_redis(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    """In the end with the workers killed, when nobody can vote before there are estimates: only the sweep knows of these votes."""
    with closing(stage.service.open_redis()) as valkey:
        for _ in at_moments(load, notes, chance):
            valkey.flushall()
        stop_workers(stage)
        _wait_until_filled(stage, load)
        for name in WORKERS:
            stage.service.kill(name)
        valkey.flushall()


def slow_redis(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    _impair_redis(stage, notes, Slow(seconds=SLOW_SECONDS))


def swallow_redis(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    _impair_redis(stage, notes, BlackHole())


def _impair_redis(stage: Stage, notes: Notes, fault: Slow | BlackHole) -> None:
    wait_for_votes(notes, FIRST)
    stage.redis_proxy.fault = fault
    time.sleep(1)
    before = notes.votes
    time.sleep(HARM_SECONDS)
    taken = notes.votes - before
    stage.redis_proxy.fault = None
    if not taken:
        raise Broken("no vote was acknowledged while Redis was impaired")


def repeat_tasks(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    """The same tasks many times side by side; then held until their time is over; then stopped for so long that another worker is given
    what they are at."""
    for _ in at_moments(load, notes, chance, count=2):
        stage.service.run("-m", "tests.faults.ring", "60")
    with closing(stage.service.open_database()) as connection:
        connection.autocommit = False
        connection.cursor().execute("LOCK TABLE annotation_estimate IN EXCLUSIVE MODE")
        time.sleep(HELD_SECONDS)
        stage.signal(("worker",), signal.SIGSTOP)
        connection.rollback()
        time.sleep(HELD_SECONDS)
    stage.signal(("worker",), signal.SIGCONT)


def poison(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    """Some questions cannot be estimated; and there are messages in the queue that no worker can read."""
    rows = stage.service.ask(f"SELECT question.id FROM {OF_CAMPAIGN} ORDER BY question.id", load.campaign)
    poisoned = chance.sample([row[0] for row in rows], POISONED)
    stage.execute_as_owner(POISON.format(questions=", ".join(map(str, poisoned))))
    with closing(stage.service.open_redis()) as valkey:
        unknown = {"body": "W10=", "headers": {"task": "no.such.task", "id": "1"}, "properties": {"delivery_tag": "1"}}
        for message in (b"\xff\xfe no JSON", b"{}", json.dumps(unknown).encode()):
            valkey.lpush("celery", message)
    aside = "SELECT question_id FROM annotation_setaside ORDER BY 1"
    wait_until(
        lambda: [row[0] for row in stage.service.ask(aside)] == sorted(poisoned),
        seconds=VOTE_SECONDS,
        what="what cannot be estimated is set aside",
    )
    wait_until(lambda: load.count_waiting() <= POISONED, seconds=VOTE_SECONDS, what="all others are decided")
    stage.execute_as_owner(ANTIDOTE)
    stage.service.manage("retry_questions")


def crowd_together(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    """Many on few questions, while workers stand still, so that each question goes on asking for as many votes as at the start: it must
    get exactly these."""
    try:
        _wait_until_filled(stage, load)
        time.sleep(1)
        wrong = stage.service.ask(NOT_AS_ASKED, load.campaign)
    finally:
        stage.signal(WORKERS, signal.SIGCONT)
    if wrong:
        raise Broken(f"questions with more or fewer votes than they ask for (question, asked, votes): {wrong[:10]}")


def _wait_until_filled(stage: Stage, load: Load) -> None:
    wait_until(
        lambda: stage.service.ask(UNFILLED, load.campaign) == [(0,)],
        seconds=VOTE_SECONDS,
        what="every question has the votes it asks for",
    )


def fill_disk(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    """Of PostgreSQL. It may end of it; then it is started again once there is room, as a supervisor goes on trying."""
    wait_for_votes(notes, FIRST)
    ballast = stage.folder / "postgres" / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(BLOCK))
    wait_until(lambda: not stage.service.is_ready(), seconds=VOTE_SECONDS, what="readiness tells of the full disk")
    time.sleep(HARM_SECONDS)
    ballast.unlink()
    if stage.postgres.has_ended():
        stage.restart_postgres()
    stage.wait_until_ready()


def upgrade(stage: Stage, load: Load, notes: Notes, chance: random.Random) -> None:
    """The tables are those of this version while the earlier one serves and somebody is at a table; then this version serves."""
    wait_for_votes(notes, FIRST)
    with closing(stage.service.open_database()) as connection:
        connection.autocommit = False
        connection.cursor().execute("LOCK TABLE annotation_question, annotation_annotator IN ROW EXCLUSIVE MODE")
        release = threading.Timer(BUSY_SECONDS, connection.rollback)
        release.start()
        before = notes.votes
        stage.migrate(CHECKOUT)
        release.join()
    if notes.votes == before:
        raise Broken("no vote was acknowledged while the tables were changed")
    wait_for_votes(notes, notes.votes + FIRST)
    stage.stop_service()
    stage.start_service()
    wait_for_votes(notes, notes.votes + FIRST)


def mount_small_disk(stage: Stage) -> None:
    """A file system of its own for PostgreSQL's data: as root only."""
    home = stage.folder / "postgres"
    home.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=700", "tmpfs", str(home)], check=True)


def unmount_small_disk(stage: Stage) -> None:
    subprocess.run(["umount", "--lazy", str(stage.folder / "postgres")], check=True)


ALL_SYNSETS = len(WNIDS)

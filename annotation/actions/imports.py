"""Votes and gold from files: every line is checked before the first is written, all or nothing."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import connection, transaction

from annotation.actions.campaigns import lock_campaign
from annotation.actions.due import make_due
from annotation.actions.gold import record_gold
from annotation.actions.staging import RESOLVE_GOLD, RESOLVE_VOTES, drop_lines, resolve_lines, stage_lines
from annotation.exports.pseudonyms import is_own_pseudonym
from annotation.intake.problems import Problems
from annotation.intake.votes import VoteLine, read_gold, read_votes
from annotation.models import Campaign, CampaignRange, Gold
from hierarchy.errors import Conflict, InvalidInput

# No name that is signed up with can hold a colon.
USERNAME_PREFIX = "import:"
DIGEST_LENGTH = 32
# The longest page that a policy allows.
PAGE_SIZE = 100
ACCOUNTS_AT_ONCE = 1_000
LOCK_NAME = "annotation.imports"

Progress = Callable[[str], None]

NEW_ACCOUNTS = """
SELECT DISTINCT username FROM resolved_line AS line
WHERE NOT EXISTS (SELECT 1 FROM auth_user AS account WHERE account.username = line.username) ORDER BY username
"""

ADD_ANNOTATORS = """
INSERT INTO annotation_annotator (user_id, joined_at)
SELECT id, %(at)s FROM auth_user WHERE username IN (SELECT username FROM resolved_line) ORDER BY id
ON CONFLICT DO NOTHING
"""

LAY_OUT_PAGES = """
CREATE TEMPORARY TABLE new_vote AS
SELECT line.*, annotator.id AS annotator_id, (row_number() OVER mine - 1) / %(size)s AS page,
       (row_number() OVER mine - 1) %% %(size)s + 1 AS position
FROM resolved_line AS line JOIN auth_user AS account ON account.username = line.username
JOIN annotation_annotator AS annotator ON annotator.user_id = account.id
WHERE line.known IS NULL
WINDOW mine AS (PARTITION BY annotator.id, line.synset_id ORDER BY line.at, line.line);
CREATE TEMPORARY TABLE new_page AS
SELECT gen_random_uuid() AS batch_id, annotator_id, synset_id, page, min(at) AS first_at, count(*) AS votes
FROM new_vote GROUP BY annotator_id, synset_id, page;
ANALYZE new_vote; ANALYZE new_page
"""

# What refers to what is checked before questions are locked; fresh statistics keep the checks from reading whole tables.
WRITE_PAGES = """
INSERT INTO annotation_batch
    (id, annotator_id, campaign_id, synset_id, leased_at, expires_at, closed_at, outcome, late, recorded)
SELECT batch_id, annotator_id, %(campaign)s, synset_id, first_at, %(at)s, %(at)s, 'IMPORTED', false, votes
FROM new_page;
INSERT INTO annotation_batchitem (batch_id, position, question_id)
SELECT batch_id, position, question_id FROM new_vote JOIN new_page USING (annotator_id, synset_id, page);
ANALYZE annotation_batch, annotation_batchitem;
SET CONSTRAINTS ALL IMMEDIATE
"""

# The database draws the votes' ids in the order of the rows. They are the recorded order, by which decisions are made: so
# questions are locked before, or votes that came and were decided on meanwhile would have later ids.
WRITE_VOTES = """
INSERT INTO annotation_vote (question_id, annotator_id, batch_id, position, answer, late, voted_at)
SELECT question_id, annotator_id, batch_id, position, answer, false, at
FROM new_vote JOIN new_page USING (annotator_id, synset_id, page) ORDER BY at, line;
ANALYZE annotation_vote;
SET CONSTRAINTS ALL IMMEDIATE
"""

# Locked in the order of their ids, as pages of votes lock them, and counted once they are locked.
LOCK_QUESTIONS = """
SELECT count(*) FROM (
    SELECT id FROM annotation_question WHERE id IN (SELECT question_id FROM new_vote) ORDER BY id FOR NO KEY UPDATE
) AS locked
"""

# Of the lines in an exporter's own names, those whose vote is there: an export has the moment of each to the microsecond.
COME_BACK = """
SELECT line FROM resolved_line AS line
WHERE line.line = ANY(%(own)s::int[]) AND line.known IS NULL AND EXISTS (
    SELECT 1 FROM annotation_vote AS vote
    WHERE vote.question_id = line.question_id AND vote.voted_at = line.at AND vote.answer = line.answer)
ORDER BY line
"""

COUNT_VOTES = """
UPDATE annotation_question AS question
SET votes_in_time = question.votes_in_time + counted.votes
FROM (SELECT question_id, count(*) AS votes FROM new_vote GROUP BY question_id) AS counted
WHERE counted.question_id = question.id AND NOT question.is_gold
"""

WITH_NEW_VOTES = "question.id IN (SELECT question_id FROM new_vote)"


@dataclass(frozen=True, kw_only=True)
class ImportedVotes:
    """`already_there` counts lines whose vote an earlier import brought, `questions` those that have new votes."""

    recorded: int
    already_there: int
    questions: int
    new_annotators: int


@dataclass(frozen=True, kw_only=True)
class ImportedGold:
    recorded: int
    already_there: int


def write_username(name: str) -> str:
    """The account of an external annotator: who knows the name finds the account, and not the other way round.

    It is `import:` and the first DIGEST_LENGTH hexadecimal digits of the SHA-256 of the name in UTF-8 (composed, NFC),
    whatever the campaign: the same name in a later import is the same annotator.
    """
    return USERNAME_PREFIX + hashlib.sha256(name.encode()).hexdigest()[:DIGEST_LENGTH]


@transaction.atomic
def import_votes(*, path: Path, campaign: str, at: datetime, progress: Progress) -> ImportedVotes:
    """Records the votes of a CSV file (see annotation.intake.votes) on the questions of a campaign, or none.

    Recorded in the order of their moments, then of their lines. Votes on finished questions are taken as evidence. A
    vote that is there already with the same answer is skipped. Pages of the outcome IMPORTED hold the votes; nobody
    was asked for them, so no cap holds for them. `at`, when the import began, is later than every vote.

    Raises InvalidInput naming line and column of the first problems and how many there are: bad cells, no question of
    the campaign, a second vote of an annotator on a question in the file, another answer than the one recorded, a
    barred annotator, a vote that was exported from this campaign. NotFound for an unknown campaign, Conflict for one that is a draft or closed, and
    while another import runs.
    """
    asked = _lock_campaign(campaign)
    problems = Problems(path.name)
    own: list[int] = []
    rows = _build_rows(read_votes(path=path, before=at, problems=problems), own)
    lines = stage_lines(rows=rows, columns="line, synset_id, sha256, answer, username, at", progress=progress)
    progress("looking up the questions")
    resolve_lines(campaign_id=asked.pk, sql=RESOLVE_VOTES, problems=problems)
    _refuse_own(own, problems)
    if problems.count:
        raise InvalidInput(problems.describe())
    progress("writing the votes")
    new_annotators = _add_annotators(at)
    recorded, questions = _write_votes(asked, at)
    drop_lines()
    return ImportedVotes(
        recorded=recorded, already_there=lines - recorded, questions=questions, new_annotators=new_annotators
    )


def _build_rows(found: Iterable[VoteLine], own: list[int]) -> Iterator[tuple[int, int, str, str, str, str]]:
    """Notes lines whose annotator has a name that this installation gave in an export."""
    for vote in found:
        if is_own_pseudonym(vote.annotator):
            own.append(vote.line)
        digest = rf"\x{vote.sha256}"
        yield vote.line, vote.synset_id, digest, vote.answer, write_username(vote.annotator), vote.at.isoformat()


def _refuse_own(own: list[int], problems: Problems) -> None:
    """A campaign's votes do not come back to it under other names; into another campaign they may be taken."""
    with connection.cursor() as cursor:
        cursor.execute(COME_BACK, {"own": own})
        for (line,) in cursor.fetchall():
            problems.add(line=line, column="annotator", text="this vote was exported from here, where it still is")


def _lock_campaign(name: str) -> Campaign:
    """It is not closed before the import has ended, and no other import runs, into whatever campaign."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK_NAME])
        if cursor.fetchone() != (True,):
            raise Conflict("Another import of votes or gold is running.")
    campaign = lock_campaign(name)
    if campaign.state in (Campaign.State.DRAFT, Campaign.State.CLOSED):
        raise Conflict(f"Campaign {name} is {campaign.get_state_display()}: nothing can be imported into it.")
    asking = campaign.ranges.filter(kind=CampaignRange.Kind.ASK).first()
    if asking is not None:
        raise Conflict(f"Campaign {name} is still being opened ({asking.percent} %): import into it after that.")
    return campaign


def _add_annotators(at: datetime) -> int:
    """Accounts nobody can log in to, with their annotators; returns how many are new."""
    with connection.cursor() as cursor:
        cursor.execute(NEW_ACCOUNTS)
        names = [row[0] for row in cursor.fetchall()]
        User.objects.bulk_create(
            [User(username=name, password=make_password(None), is_active=False) for name in names],
            batch_size=ACCOUNTS_AT_ONCE,
        )
        cursor.execute(ADD_ANNOTATORS, {"at": at})
        added = int(cursor.rowcount)
        cursor.execute("ANALYZE auth_user, annotation_annotator")
    return added


def _write_votes(campaign: Campaign, at: datetime) -> tuple[int, int]:
    """How many votes were written, and on how many questions."""
    values: dict[str, int | datetime] = {"campaign": campaign.pk, "at": at, "size": PAGE_SIZE}
    with connection.cursor() as cursor:
        cursor.execute(LAY_OUT_PAGES, values)
        cursor.execute(WRITE_PAGES, values)
        cursor.execute(LOCK_QUESTIONS)
        questions = int(cursor.fetchone()[0])
        cursor.execute(WRITE_VOTES, values)
        cursor.execute(COUNT_VOTES, values)
        make_due(condition=WITH_NEW_VOTES, values={}, at=at)
        cursor.execute("SELECT count(*) FROM new_vote")
        recorded = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE new_vote, new_page")
    return recorded, questions


@transaction.atomic
def import_gold(*, path: Path, campaign: str, by: User | None, at: datetime, progress: Progress) -> ImportedGold:
    """Makes the questions of a campaign that a CSV file names (see annotation.intake.votes) gold, or none.

    One that is gold with the same truth already is skipped. Raises as import_votes does, also naming the lines of
    questions that are finished, whose candidate has a label, or that are gold with the other truth.
    """
    asked = _lock_campaign(campaign)
    problems = Problems(path.name)
    gold = read_gold(path=path, problems=problems)
    rows = ((line.line, line.synset_id, rf"\x{line.sha256}", line.truth) for line in gold)
    lines = stage_lines(rows=rows, columns="line, synset_id, sha256, answer", progress=progress)
    resolve_lines(campaign_id=asked.pk, sql=RESOLVE_GOLD, problems=problems)
    if problems.count:
        raise InvalidInput(problems.describe())
    with connection.cursor() as cursor:
        cursor.execute("SELECT question_id, answer FROM resolved_line")
        truths = dict(cursor.fetchall())
    recorded = record_gold(truths=truths, source=Gold.Source.IMPORT, by=by, at=at)
    drop_lines()
    return ImportedGold(recorded=recorded, already_there=lines - recorded)

"""Lines of an import that wait in a temporary table of this transaction until all of them are checked.

The tables: `staged_line` holds what the file says, `resolved_line` the question each line is about and what speaks
against taking it. They stay with the database, so that memory does not grow with the file.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection

from annotation.intake.problems import SHOWN, Problems

LINES_AT_ONCE = 50_000
# The server's ordinary limits are meant for page views.
STATEMENT_TIMEOUT = "1h"

# `username` and `at` are those of votes.
CREATE = """
CREATE TEMPORARY TABLE staged_line (
    line bigint NOT NULL, synset_id integer NOT NULL, sha256 bytea NOT NULL, answer text NOT NULL,
    username text, at timestamptz
)
"""

# Joined to a staged line: its question in the campaign.
ITS_QUESTION = """
LEFT JOIN (
    annotation_question AS question JOIN hierarchy_candidate AS candidate ON candidate.id = question.candidate_id
    JOIN hierarchy_image AS image ON image.id = candidate.image_id
) ON question.campaign_id = %(campaign)s AND (question.synset_id, image.sha256) = (staged.synset_id, staged.sha256)
"""

RESOLVE_VOTES = f"""
CREATE TEMPORARY TABLE resolved_line AS
SELECT staged.*, question.id AS question_id, vote.answer AS known,
       annotator.barred_at IS NOT NULL AND vote.id IS NULL AS barred, false AS finished, false AS labelled,
       min(staged.line) OVER (PARTITION BY question.id, staged.username) AS first_line
FROM staged_line AS staged {ITS_QUESTION}
LEFT JOIN auth_user AS account ON account.username = staged.username
LEFT JOIN annotation_annotator AS annotator ON annotator.user_id = account.id
LEFT JOIN annotation_vote AS vote
    ON vote.question_id = question.id AND vote.annotator_id = annotator.id AND vote.withdrawn_at IS NULL
"""  # noqa: S608 (a constant of this module)

RESOLVE_GOLD = f"""
CREATE TEMPORARY TABLE resolved_line AS
SELECT staged.*, question.id AS question_id, gold.truth AS known, false AS barred, question.state <> 'OPEN' AS finished,
       EXISTS (SELECT 1 FROM hierarchy_label AS label WHERE label.candidate_id = candidate.id) AS labelled,
       min(staged.line) OVER (PARTITION BY question.id) AS first_line
FROM staged_line AS staged {ITS_QUESTION}
LEFT JOIN annotation_gold AS gold ON gold.question_id = question.id AND gold.active
"""  # noqa: S608 (a constant of this module)

# The first thing that is wrong with each line that cannot be taken.
WRONG = """
SELECT line, first_line, known, count(*) OVER (), CASE
    WHEN question_id IS NOT NULL THEN CASE
        WHEN line <> first_line THEN 'TWICE' WHEN known <> answer THEN 'CONTRARY' WHEN barred THEN 'BARRED'
        WHEN finished THEN 'FINISHED' ELSE 'LABELLED' END
    WHEN NOT EXISTS (SELECT 1 FROM hierarchy_synset AS synset WHERE synset.id = synset_id) THEN 'NO_SYNSET'
    WHEN NOT EXISTS (SELECT 1 FROM hierarchy_image AS image WHERE image.sha256 = resolved_line.sha256) THEN 'NO_IMAGE'
    ELSE 'NO_QUESTION' END
FROM resolved_line
WHERE question_id IS NULL OR line <> first_line OR known <> answer OR barred OR finished OR labelled
ORDER BY line LIMIT %(shown)s
"""

# Column and text of each kind of problem.
TEXTS = {
    "NO_SYNSET": ("wnid", "there is no such synset"),
    "NO_IMAGE": ("image_sha256", "there is no such picture"),
    "NO_QUESTION": ("image_sha256", "the campaign does not ask about this picture for this synset"),
    "TWICE": ("image_sha256", "the same question as on line {first_line} again"),
    "CONTRARY": ("answer", "must be {known}, which is recorded already"),
    "BARRED": ("annotator", "is barred"),
    "FINISHED": ("image_sha256", "the question is not open any more"),
    "LABELLED": ("image_sha256", "has a label: labels never become gold"),
}


def stage_lines(*, rows: Iterable[Sequence[Any]], columns: str, progress: Callable[[str], None]) -> int:
    """Creates `staged_line` in the running transaction and fills it; returns the number of rows.

    `columns` names the cells of a row; a digest is written in hexadecimal after a backslash and an x.
    """
    count = 0
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute("SELECT set_config(%s, %s, true)", [name, STATEMENT_TIMEOUT])
        cursor.execute(CREATE)
        for chunk in _split(rows):
            file = io.StringIO()
            csv.writer(file).writerows(chunk)
            file.seek(0)
            cursor.copy_expert(f"COPY staged_line ({columns}) FROM STDIN WITH (FORMAT csv)", file)
            count += len(chunk)
            progress(f"read {count:,} lines")
        cursor.execute("ANALYZE staged_line")
    return count


def _split(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, LINES_AT_ONCE)):
        yield chunk


def resolve_lines(*, campaign_id: int, sql: str, problems: Problems) -> None:
    """Creates `resolved_line` by RESOLVE_VOTES or RESOLVE_GOLD and adds what is wrong with its lines to `problems`."""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"campaign": campaign_id})
        cursor.execute("ANALYZE resolved_line")
        cursor.execute(WRONG, {"shown": SHOWN})
        rows = cursor.fetchall()
    for line, first_line, known, _, kind in rows:
        column, text = TEXTS[kind]
        problems.add(line=line, column=column, text=text.format(first_line=first_line, known=known))
    problems.count += rows[0][3] - len(rows) if rows else 0


def drop_lines() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE resolved_line, staged_line")

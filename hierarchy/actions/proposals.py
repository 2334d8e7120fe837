"""Images proposed for synsets, a chunk in one statement, however many there are."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from hierarchy.actions.copying import as_bytea, copy_rows

# Stays for the connection: made anew for each chunk, it would leave the catalogue full of dead rows.
CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_proposal (
    position integer NOT NULL, synset_id integer NOT NULL, sha256 bytea NOT NULL, prior double precision
) ON COMMIT DELETE ROWS
"""

# A chunk is small beside ImageNet: looked up in the index, image by image, it takes as long whatever the size of the table.
PLAN = "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"

# What was first said of a candidate stays, be it in the table or earlier in the chunk.
PROPOSE = """
WITH resolved AS MATERIALIZED (
    SELECT staged.position, staged.synset_id, staged.prior, image.id AS image_id
    FROM staged_proposal AS staged LEFT JOIN hierarchy_image AS image ON image.sha256 = staged.sha256
), added AS (
    INSERT INTO hierarchy_candidate (image_id, synset_id, collected_at, prior)
    SELECT image_id, synset_id, %(at)s, prior FROM resolved WHERE image_id IS NOT NULL ORDER BY position
    ON CONFLICT (image_id, synset_id) DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM added),
       ARRAY(SELECT position FROM resolved WHERE image_id IS NULL ORDER BY position)
"""


class Proposal(NamedTuple):
    synset_id: int
    sha256: bytes
    prior: float | None


class Proposed(NamedTuple):
    """How many candidates are new, and the positions of the proposals whose image is not in the database."""

    added: int
    unknown: list[int]


def propose_images(*, proposals: Iterable[Proposal], at: datetime) -> Proposed:
    """Adds the candidates that are not there yet, within the running transaction."""
    rows = (
        (position, proposal.synset_id, as_bytea(proposal.sha256), proposal.prior)
        for position, proposal in enumerate(proposals)
    )
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        cursor.execute("DELETE FROM staged_proposal")  # an outer transaction, too, may bring several chunks
        copy_rows(cursor=cursor, table="staged_proposal", columns="position, synset_id, sha256, prior", rows=rows)
        cursor.execute(PLAN)
        cursor.execute(PROPOSE, {"at": at})
        return Proposed(*cursor.fetchone())

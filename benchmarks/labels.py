"""Labels recorded and released, against PostgreSQL's COPY of the same rows."""

import io
import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.db import connection, transaction

from benchmarks.measure import MB, Row, compare, measure_peak_growth
from benchmarks.rows import make_candidates, make_synsets, read_clock
from hierarchy.actions.labels import Verdict, record_labels
from hierarchy.actions.releases import publish_release
from hierarchy.models import Label, ReleaseFile

CHUNK = 500
SYNSETS = 10
SOURCE_REF = "campaign:benchmark snapshot:1"
COLUMNS = "candidate_id, verdict, probability, votes, source, source_ref, at"
CREATE = f"CREATE TABLE IF NOT EXISTS bare_label AS SELECT {COLUMNS} FROM hierarchy_label WITH NO DATA"
RELEASED = """
COPY (
    SELECT encode(image.sha256, 'hex'), synset.wnid, synset.safety, label.verdict, label.probability, label.votes,
           label.source, label.at
    FROM hierarchy_label AS label
    JOIN hierarchy_candidate AS candidate ON candidate.id = label.candidate_id
    JOIN hierarchy_image AS image ON image.id = candidate.image_id
    JOIN hierarchy_synset AS synset ON synset.id = candidate.synset_id
    WHERE label.superseded_at IS NULL
    ORDER BY candidate.synset_id, image.sha256
) TO STDOUT WITH (FORMAT csv)
"""
Chunk = tuple[list[Verdict], datetime]


def measure(*, quick: bool) -> list[Row]:
    labels = 3_000 if quick else 40_000
    return [_measure_recording(labels), *_measure_release(labels, repeats=2)]


def _measure_recording(labels: int) -> Row:
    synsets = make_synsets(SYNSETS)
    ids = [candidate.pk for candidate in make_candidates([synset.pk for synset in synsets], each=labels // SYNSETS)]
    with connection.cursor() as cursor:
        cursor.execute(CREATE)
        cursor.execute("ANALYZE")
    pair = compare(ours=_record, limit=_copy_in, inputs=_cut_chunks(ids))
    return pair.as_rate(
        f"record_labels, chunks of {CHUNK}", amount=CHUNK, unit="labels/s", against="COPY of the same rows, one commit"
    )


def _cut_chunks(ids: list[int]) -> Iterator[Chunk]:
    for start in range(0, len(ids), CHUNK):
        yield [Verdict(pk, Label.Verdict.ACCEPTED, 0.97, 3) for pk in ids[start : start + CHUNK]], read_clock()


def _record(chunk: Chunk) -> None:
    verdicts, at = chunk
    record_labels(verdicts=verdicts, source=Label.Source.CONSENSUS, source_ref=SOURCE_REF, by=None, at=at)


def _copy_in(chunk: Chunk) -> None:
    verdicts, at = chunk
    lines = (
        f"{each.candidate_id},{each.verdict},{each.probability},{each.votes},CONSENSUS,{SOURCE_REF},{at.isoformat()}\n"
        for each in verdicts
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.copy_expert(f"COPY bare_label ({COLUMNS}) FROM STDIN WITH (FORMAT csv)", io.StringIO("".join(lines)))


def _measure_release(labels: int, *, repeats: int) -> list[Row]:
    """A release is two files of labels and a manifest, written, stored, flushed to disk, read back and compared."""
    names = (f"release-{number}" for number in itertools.count(1))
    growth = measure_peak_growth(lambda: _publish(next(names)))
    size = sum(ReleaseFile.objects.values_list("size", flat=True))
    with TemporaryDirectory(dir=settings.RELEASE_ROOT) as folder:
        pair = compare(
            ours=_publish,
            limit=lambda name: _copy_out(Path(folder) / name),
            inputs=itertools.islice(names, repeats),
        )
    rate = pair.as_rate("publish_release", amount=labels, unit="labels/s", against="COPY TO of the same query")
    memory = Row(
        name="publish_release, peak memory growth",
        ours=growth / MB,
        limit=size / MB,
        unit="MB",
        against="all its files held in memory",
        ratio=growth / size,
    )
    return [rate, memory]


def _publish(name: str) -> None:
    publish_release(name=name, by=None, at=read_clock())


def _copy_out(path: Path) -> None:
    with path.open("wb") as file, connection.cursor() as cursor:
        cursor.copy_expert(RELEASED, file)

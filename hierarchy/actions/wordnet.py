"""Fills the hierarchy with WordNet's nouns."""

import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper

from hierarchy import dag, wordnet
from hierarchy.actions.copying import copy_rows
from hierarchy.errors import Conflict
from hierarchy.models import Closure, ParentLink, Synset, SynsetWord, WordNetImport

# Some five seconds' work on an idle machine; the server's ordinary limit is meant for page views.
STATEMENT_TIMEOUT = "10min"
LOCK_NAME = "hierarchy.import_nouns"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ImportedNouns:
    """What the tables hold now; `changed` is false when they held it before."""

    changed: bool
    synsets: int
    parent_links: int
    instance_links: int
    closure_pairs: int


@dataclass(frozen=True)
class _Content:
    nouns: Sequence[wordnet.Noun]
    closure: dag.Closure

    def count_rows(self) -> dict[type[models.Model], int]:
        return {
            Synset: len(self.nouns),
            SynsetWord: sum(len(noun.words) for noun in self.nouns),
            ParentLink: sum(len(noun.parents) for noun in self.nouns),
            Closure: len(self.closure.ancestor),
        }

    def count_instance_links(self) -> int:
        return sum(parent.instance for noun in self.nouns for parent in noun.parents)

    def compute_digest(self) -> bytes:
        """SHA-256 of what is stored, so that Princeton's, Debian's and PyPI's files of one version count as the same."""
        digest = hashlib.sha256()
        for noun in self.nouns:
            digest.update(repr((noun.offset, noun.words, noun.gloss, [tuple(link) for link in noun.parents])).encode())
        return digest.digest()


def import_nouns(*, path: Path, at: datetime, progress: Progress) -> ImportedNouns:
    """Import all nouns of WordNet 3.0 from `path` (see wordnet.open_noun_file), or nothing.

    Changes nothing when the tables hold the same nouns already; a synset's safety is never touched.
    Raises WordNetError, with file and line, for a file that cannot be used, and Conflict when the tables hold anything
    else or another import is running. `progress` is told in words what is being done.
    """
    with _pause_collector():
        content = _read_content(path, progress)
        changed = _write_content(content, at, progress)
    counts = content.count_rows()
    return ImportedNouns(
        changed=changed,
        synsets=counts[Synset],
        parent_links=counts[ParentLink],
        instance_links=content.count_instance_links(),
        closure_pairs=counts[Closure],
    )


@transaction.atomic
def _write_content(content: _Content, at: datetime, progress: Progress) -> bool:
    """Whether anything had to be written."""
    with connection.cursor() as cursor:
        _take_lock(cursor)
        if _is_imported(content):
            return False
        _copy_content(cursor, content, progress)
        _record_import(content, at)
    return True


@contextmanager
def _pause_collector() -> Iterator[None]:
    """A million new tuples, none of them garbage: looking through them again and again would double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_content(path: Path, progress: Progress) -> _Content:
    progress(f"reading {path}")
    with wordnet.open_noun_file(path) as lines:
        nouns = wordnet.read_nouns(lines, progress=lambda count: progress(f"read {count:,} synsets"))
    progress("computing the closure")
    return _Content(nouns, dag.compute_closure({noun.offset: noun.parents for noun in nouns}))


def _take_lock(cursor: CursorWrapper) -> None:
    """Raises Conflict while another transaction holds it."""
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT])
    cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK_NAME])
    if cursor.fetchone() != (True,):
        raise Conflict("Another import of WordNet is running.")


def _is_imported(content: _Content) -> bool:
    """Whether the tables hold exactly this; False when they are empty. Raises Conflict when they hold anything else."""
    found = {model: model._default_manager.count() for model in content.count_rows()}
    last = WordNetImport.objects.order_by("-pk").first()
    if last is None and not any(found.values()):
        return False
    if last is None or bytes(last.sha256) != content.compute_digest():
        raise Conflict("The database holds other synsets. Importing over them is not supported: use an empty database.")
    for model, expected in content.count_rows().items():
        if found[model] != expected:
            raise Conflict(
                f"The table {model._meta.db_table} has {found[model]:,} rows, the import made {expected:,}: restore a backup."
            )
    return True


def _copy_content(cursor: CursorWrapper, content: _Content, progress: Progress) -> None:
    nouns = content.nouns
    progress("writing the synsets")
    _copy_rows(cursor, Synset, "id, wnid, words, gloss, safety", map(_build_synset_row, nouns))
    words = ((noun.offset, position, word.lower()) for noun in nouns for position, word in enumerate(noun.words))
    _copy_rows(cursor, SynsetWord, "synset_id, position, word", words)
    links = ((noun.offset, parent.offset, parent.instance) for noun in nouns for parent in noun.parents)
    _copy_rows(cursor, ParentLink, "child_id, parent_id, instance", links)
    progress("writing the closure")
    rows = content.closure.iterate_rows()
    _copy_rows(cursor, Closure, "ancestor_id, descendant_id, distance, instance", rows)
    progress("checking the references")
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in content.count_rows())}")


def _build_synset_row(noun: wordnet.Noun) -> tuple[int, str, str, str, str]:
    words = ",".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in noun.words)
    return noun.offset, f"n{noun.offset:08d}", f"{{{words}}}", noun.gloss, Synset.Safety.UNSET


def _copy_rows(cursor: CursorWrapper, model: type[models.Model], columns: str, rows: Iterable[Sequence[Any]]) -> None:
    copy_rows(cursor=cursor, table=model._meta.db_table, columns=columns, rows=rows)


def _record_import(content: _Content, at: datetime) -> None:
    WordNetImport.objects.create(
        sha256=content.compute_digest(),
        synsets=len(content.nouns),
        parent_links=content.count_rows()[ParentLink],
        instance_links=content.count_instance_links(),
        imported_at=at,
    )

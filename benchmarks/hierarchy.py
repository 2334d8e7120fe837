"""WordNet-like nouns: their closure, their import, and the first page of their tree."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from django.db import connection, transaction

from benchmarks.measure import Row, compare
from benchmarks.rows import empty_tables, make_candidates, read_clock
from hierarchy.actions.wordnet import import_nouns
from hierarchy.dag import compute_closure
from hierarchy.queries.counts import list_children

# WordNet 3.0 gives one noun in 37 a second parent.
SECOND_PARENTS = 1 / 37
TABLES = ("hierarchy_synset", "hierarchy_synsetword", "hierarchy_parentlink", "hierarchy_closure")
LICENCE = "  1 WordNet 3.0 Copyright: generated, for measuring only\n"
ROOT = 1
Parents = Mapping[int, Sequence[tuple[int, bool]]]


def measure(*, quick: bool) -> list[Row]:
    nodes = 4_000 if quick else 20_000
    parents = _grow(nodes)
    return [
        _measure_closure(parents, repeats=3 if quick else 5),
        _measure_import(parents, repeats=1 if quick else 3),
        _measure_tree(list(parents), candidates=nodes // 2, repeats=3 if quick else 9),
    ]


def _grow(nodes: int) -> Parents:
    """Each node hangs under an earlier one, some under two: about as deep as WordNet (mean depth 9)."""
    random = Random(1)
    parents: dict[int, list[tuple[int, bool]]] = {ROOT: []}
    for node in range(ROOT + 1, ROOT + nodes):
        wanted = 1 + (random.random() < SECOND_PARENTS)
        parents[node] = [(parent, False) for parent in {random.randrange(ROOT, node) for _ in range(wanted)}]
    return parents


def _measure_closure(parents: Parents, *, repeats: int) -> Row:
    pairs = len(compute_closure(parents).ancestor)
    pair = compare(ours=compute_closure, limit=_unite_ancestors, inputs=[parents] * repeats)
    return pair.as_rate(
        f"compute_closure, {len(parents):,} nodes",
        amount=pairs,
        unit="pairs/s",
        against="union of the parents' sets, no distances",
    )


def _unite_ancestors(parents: Parents) -> dict[int, set[int]]:
    """Parents come before their children."""
    ancestors: dict[int, set[int]] = {}
    for node, above in parents.items():
        ancestors[node] = {node}.union(*(ancestors[parent] for parent, _ in above))
    return ancestors


def _measure_import(parents: Parents, *, repeats: int) -> Row:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.noun"
        path.write_text(LICENCE + "".join(_write_nouns(parents)))
        pair = compare(ours=_import, limit=_copy_bare, inputs=_empty_before_each(path, repeats))
    return pair.as_rate(
        "import_wordnet", amount=_count_rows(), unit="rows/s", against="COPY of the same rows, no constraints"
    )


def _write_nouns(parents: Parents) -> Iterator[str]:
    """Lines of WordNet's noun file, each link with its way back."""
    children: dict[int, list[int]] = {node: [] for node in parents}
    for child, above in parents.items():
        for parent, _ in above:
            children[parent].append(child)
    for node, above in parents.items():
        links = [f"@ {parent:08d} n 0000" for parent, _ in above] + [
            f"~ {child:08d} n 0000" for child in children[node]
        ]
        yield f"{node:08d} 03 n 01 thing_{node} 0 {' '.join([f'{len(links):03d}', *links])} | something\n"


def _empty_before_each(path: Path, repeats: int) -> Iterator[Path]:
    for _ in range(repeats):
        empty_tables()
        yield path


def _import(path: Path) -> None:
    import_nouns(path=path, at=read_clock(), progress=lambda _: None)


def _copy_bare(_: Path) -> None:
    """The rows that the import has just written, through this process into tables without keys and constraints."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TEMPORARY TABLE bare ON COMMIT DROP AS SELECT * FROM {table} WITH NO DATA")
            rows = io.StringIO()
            cursor.copy_expert(f"COPY {table} TO STDOUT", rows)
            rows.seek(0)
            cursor.copy_expert("COPY bare FROM STDIN", rows)
            cursor.execute("DROP TABLE bare")


def _count_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' + '.join(f'(SELECT count(*) FROM {table})' for table in TABLES)}")
        return int(cursor.fetchone()[0])


def _measure_tree(synset_ids: list[int], *, candidates: int, repeats: int) -> Row:
    make_candidates(Random(1).sample(synset_ids, candidates), each=1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    pair = compare(ours=lambda _: list_children(ROOT, everything=True), limit=_count_candidates, inputs=range(repeats))
    return pair.as_rate(
        f"tree page of the root, {candidates:,} candidates", amount=1, unit="pages/s", against="SELECT count(*) of them"
    )


def _count_candidates(_: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM hierarchy_candidate")
        cursor.fetchone()

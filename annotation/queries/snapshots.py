"""The model in force: its parameters, the tolerances that gold gave its rules, its annotators' tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from annotation.consensus.calibrate import Calibration
from annotation.consensus.decide import Rule
from annotation.consensus.model import PARAMETERS_VERSION, Floats, Parameters, find_log_tables
from annotation.models import Policy, Snapshot


def find_snapshot() -> Snapshot:
    """The newest; there is one as soon as a campaign has been opened."""
    return Snapshot.objects.latest("pk")


def is_readable(snapshot: Snapshot) -> bool:
    """Whether this engine understands it; snapshots of older engines stay, but nothing can be calculated from them."""
    return bool(snapshot.parameters.get("version") == PARAMETERS_VERSION)


def read_parameters(snapshot: Snapshot) -> Parameters:
    return Parameters.from_json(snapshot.parameters)


def write_rule(rule: Rule, calibration: Calibration) -> dict[str, Any]:
    """An entry of `Snapshot.rules`: `target_error` and `vote_cap` of the rule, and all that `Calibration` says."""
    return {"target_error": rule.target_error, "vote_cap": rule.vote_cap, **asdict(calibration)}


def find_rule(policy: Policy, snapshot: Snapshot) -> Rule:
    """When to stop asking under a policy: with the snapshot's tolerances for its target error and vote cap, where it has
    them; else as cautious as without gold."""
    return apply_rules(target_error=policy.target_error, vote_cap=policy.vote_cap, rules=snapshot.rules)


def apply_rules(*, target_error: float, vote_cap: int, rules: Sequence[Mapping[str, Any]]) -> Rule:
    """The rule of this target error and vote cap with its tolerances among `rules`, as `Snapshot.rules` holds them."""
    for entry in rules:
        if (entry["target_error"], entry["vote_cap"]) == (target_error, vote_cap):
            return Rule(
                target_error=target_error,
                vote_cap=vote_cap,
                accept_tolerance=entry["accept"]["tolerance"],
                reject_tolerance=entry["reject"]["tolerance"],
            )
    return Rule(target_error=target_error, vote_cap=vote_cap)


@dataclass(frozen=True, eq=False)
class SkillTable:
    """Annotators' tables under one snapshot: row 0 is the crowd's, row n + 1 that of `annotator_id[n]`, which ascends."""

    annotator_id: NDArray[np.int64]
    counts: Floats

    def find_rows(self, annotator_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row of each annotator; the crowd's for those who have none."""
        if not len(self.annotator_id):
            return np.zeros(len(annotator_ids), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.annotator_id, annotator_ids), len(self.annotator_id) - 1)
        return np.where(self.annotator_id[place] == annotator_ids, place + 1, 0)

    def take_log_tables(self, parameters: Parameters) -> Floats:
        """[rows, S, A]: what a vote adds, on the grid."""
        return find_log_tables(counts=self.counts, parameters=parameters)


READ_SKILLS = """
SELECT annotator_id, counts FROM annotation_skill
WHERE snapshot_id = %s AND annotator_id = ANY(%s) ORDER BY annotator_id
"""


def read_skills(*, snapshot: Snapshot, parameters: Parameters, annotator_ids: NDArray[np.int64]) -> SkillTable:
    """The tables of these annotators, and the crowd's. One query."""
    with connection.cursor() as cursor:
        cursor.execute(READ_SKILLS, [snapshot.pk, np.unique(annotator_ids).tolist()])
        rows = cursor.fetchall()
    shape = (len(rows), parameters.states, parameters.answers)
    own = np.array([row[1] for row in rows], dtype=np.float64).reshape(shape)
    crowd = np.zeros((1, *shape[1:]))
    return SkillTable(np.array([row[0] for row in rows], dtype=np.int64), np.concatenate([crowd, own]))


# A process keeps the tables of so many annotators at most, some 200 bytes each.
TABLES_KEPT = 200_000


@dataclass(frozen=True, eq=False)
class _KeptTables:
    """Of annotators who ascend, under one snapshot; neither its rows nor its parameters ever change."""

    snapshot: int
    annotator_id: NDArray[np.int64]
    log_tables: Floats


# Of this process. What is in it can be read again at any time.
_kept: _KeptTables | None = None


def read_log_tables(*, snapshot: Snapshot, parameters: Parameters, annotator_ids: NDArray[np.int64]) -> Floats:
    """[n, S, A]: what a vote of each of these annotators adds, on the grid; their ids ascend, and none comes twice. One query
    where some of them were not asked about before, under the same snapshot, in this process."""
    global _kept
    kept = _kept
    if kept is None or kept.snapshot != snapshot.pk or len(kept.annotator_id) > TABLES_KEPT:
        kept = _read_tables(snapshot, parameters, annotator_ids)
    else:
        missing = np.setdiff1d(annotator_ids, kept.annotator_id, assume_unique=True)
        if len(missing):
            kept = _join_tables(kept, _read_tables(snapshot, parameters, missing))
    _kept = kept
    return np.asarray(kept.log_tables[np.searchsorted(kept.annotator_id, annotator_ids)])


def _read_tables(snapshot: Snapshot, parameters: Parameters, annotator_ids: NDArray[np.int64]) -> _KeptTables:
    skills = read_skills(snapshot=snapshot, parameters=parameters, annotator_ids=annotator_ids)
    return _KeptTables(snapshot.pk, annotator_ids, skills.take_log_tables(parameters)[skills.find_rows(annotator_ids)])


def _join_tables(one: _KeptTables, other: _KeptTables) -> _KeptTables:
    annotator_id = np.concatenate([one.annotator_id, other.annotator_id])
    order = np.argsort(annotator_id)
    return _KeptTables(one.snapshot, annotator_id[order], np.concatenate([one.log_tables, other.log_tables])[order])

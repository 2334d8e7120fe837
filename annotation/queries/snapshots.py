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

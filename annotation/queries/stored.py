"""A snapshot as the engine reads it without the service."""

import numpy as np
from django.db import transaction

from annotation.consensus.model import Parameters
from annotation.consensus.stored import StoredSnapshot, Tolerances
from annotation.exports.pseudonyms import write_pseudonym
from annotation.models import Skill, Snapshot
from annotation.queries.campaigns import find_campaign
from annotation.queries.exports import take_time
from annotation.queries.priors import read_task_priors
from annotation.queries.snapshots import is_readable, read_parameters
from hierarchy.errors import Conflict, NotFound


def find_stored_snapshot(*, snapshot_id: int | None) -> Snapshot:
    """That snapshot, or the one in force. NotFound where there is none, Conflict for one of an older engine."""
    snapshots = Snapshot.objects.all() if snapshot_id is None else Snapshot.objects.filter(pk=snapshot_id)
    snapshot = snapshots.order_by("-pk").first()
    if snapshot is None:
        raise NotFound("There is no snapshot yet." if snapshot_id is None else f"There is no snapshot {snapshot_id}.")
    if not is_readable(snapshot):
        raise Conflict(f"Snapshot {snapshot.pk} is of an older engine, which this one cannot read.")
    return snapshot


@transaction.atomic
def store_snapshot(*, snapshot: Snapshot, campaign: str | None, pseudonyms: str) -> StoredSnapshot:
    """The snapshot with annotators and questions under the names that votes exported with the key `pseudonyms` give them; priors are those of a
    campaign's questions, or of all. NotFound for an unknown campaign."""
    take_time()
    campaign_id = None if campaign is None else find_campaign(campaign).pk
    parameters = read_parameters(snapshot)
    return StoredSnapshot(
        parameters=parameters,
        workers=_read_workers(snapshot, parameters, pseudonyms),
        rules=[
            Tolerances(
                target_error=entry["target_error"],
                vote_cap=entry["vote_cap"],
                accept=entry["accept"]["tolerance"],
                reject=entry["reject"]["tolerance"],
            )
            for entry in snapshot.rules
        ],
        priors=read_task_priors(campaign_id=campaign_id, snapshot=snapshot, parameters=parameters),
    )


def _read_workers(snapshot: Snapshot, parameters: Parameters, key: str) -> dict[str, np.typing.NDArray[np.float64]]:
    rows = Skill.objects.filter(snapshot=snapshot).order_by("annotator_id").values_list("annotator_id", "counts")
    shape = parameters.responses.shape
    return {write_pseudonym(annotator_id, key=key): np.array(counts).reshape(shape) for annotator_id, counts in rows}

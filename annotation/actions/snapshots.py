"""A snapshot becomes the model in force, whole and at once; what hangs on it follows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext_noop
from numpy.typing import NDArray

from annotation.actions.bars import bar_annotator
from annotation.actions.copying import copy_models
from annotation.actions.habits import record_conduct
from annotation.actions.renewal import suspend_missed_gold
from annotation.actions.rescoring import divide_questions
from annotation.consensus.calibrate import Calibration
from annotation.consensus.decide import Rule
from annotation.consensus.model import Parameters
from annotation.consensus.start import GRADED
from annotation.consensus.synsets import SynsetTable
from annotation.consensus.workers import Skills
from annotation.models import Annotator, Bar, Skill, Snapshot, SynsetPrior
from annotation.queries.snapshots import write_rule

SPAM_REASON = gettext_noop("Answers to questions whose answer is known were no better than guesses.")


@transaction.atomic
def publish_snapshot(
    *,
    parameters: Parameters,
    rules: Mapping[Rule, Calibration],
    annotator_ids: Sequence[int] | NDArray[np.int64],
    skills: Skills,
    votes: int,
    questions: int,
    gold: int,
    rounds: int,
    log_likelihood: float | None,
    report: Mapping[str, Any],
    by: User | None,
    at: datetime,
    synset_factors: SynsetTable | None = None,
) -> Snapshot:
    """Puts a new version of the model in force, with the skill of each of `annotator_ids` (index by index as in `skills`).

    Estimates are made again when no vote waits: those of open questions first, then those of finished ones, so that one whose label the
    new model speaks against goes to a curator. `follow_snapshot`, after this transaction, does what must not hold up those who
    vote. `votes`, `questions` and `gold` count what was learned from; `report` is plain JSON; `synset_factors` are the log factors
    of states of synsets, where kept.
    """
    snapshot = Snapshot.objects.create(
        parameters=parameters.to_json(),
        rules=[write_rule(rule, calibration) for rule, calibration in rules.items()],
        votes=votes,
        questions=questions,
        gold=gold,
        rounds=rounds,
        log_likelihood=log_likelihood,
        report=dict(report),
        published_at=at,
        published_by=by,
    )
    ids = [int(annotator_id) for annotator_id in annotator_ids]
    copy_models(model=Skill, rows=_list_skills(snapshot, ids, skills))
    copy_models(model=SynsetPrior, rows=_list_synset_priors(snapshot, synset_factors))
    divide_questions(snapshot_id=snapshot.pk)
    return snapshot


def ensure_snapshot(*, by: User | None, at: datetime) -> Snapshot:
    """The newest snapshot; the first one is where every installation starts."""
    newest = Snapshot.objects.order_by("-pk").first()
    return newest or Snapshot.objects.create(parameters=GRADED.to_json(), published_at=at, published_by=by)


def _list_skills(snapshot: Snapshot, annotator_ids: Sequence[int], skills: Skills) -> Iterator[dict[str, Any]]:
    rates = {"sensitivity": skills.sensitivity, "specificity": skills.specificity, "unsure_rate": skills.unsure}
    for row, annotator_id in enumerate(annotator_ids):
        yield {
            "snapshot_id": snapshot.pk,
            "annotator_id": annotator_id,
            "counts": skills.counts[row].ravel().tolist(),
            "votes": int(skills.votes[row]),
            "bits": float(skills.bits[row]),
            "spam": bool(skills.spam[row]),
            **{name: float(rate.mean[row]) for name, rate in rates.items()},
            **{f"{name}_low": float(rate.low[row]) for name, rate in rates.items()},
            **{f"{name}_high": float(rate.high[row]) for name, rate in rates.items()},
        }


def _list_synset_priors(snapshot: Snapshot, factors: SynsetTable | None) -> Iterator[dict[str, Any]]:
    for synset_id, values in factors.iterate_rows() if factors is not None else ():
        yield {"snapshot_id": snapshot.pk, "synset_id": synset_id, "log_factors": values}


def follow_snapshot(*, snapshot: Snapshot, at: datetime) -> None:
    """How often each annotator is checked is found anew, and gold that good ones speak against is suspended. Annotators found to be spam are
    barred, each in a transaction of its own, so that whoever sends votes waits for few. Where it is cut off, the others wait for the next
    snapshot. Whom a curator unbarred only a curator bars again.
    """
    record_conduct(snapshot=snapshot, at=at)
    suspend_missed_gold(at=at)
    spam = Annotator.objects.filter(skills__snapshot=snapshot, skills__spam=True, barred_at=None)
    spam = spam.exclude(bars__ended_at__isnull=False).order_by("pk")
    for annotator_id in list(spam.values_list("pk", flat=True)):
        bar_annotator(annotator_id=annotator_id, code=Bar.Code.GUESSES, reason=SPAM_REASON, by=None, at=at)

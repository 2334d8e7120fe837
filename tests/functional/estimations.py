"""python -m tests.functional.estimations expect|begin|found

In the environment of a service: prints a digest of what an estimation from now on must come to, computed in one place; begins
an estimation that workers must do; prints the digest of the newest snapshot.
"""

import hashlib
import json
import sys
from dataclasses import replace

import django

django.setup()

from django.utils.timezone import now  # noqa: E402 (after the settings)

from annotation.actions import estimation  # noqa: E402
from annotation.consensus.fit import Plan, fit  # noqa: E402
from annotation.consensus.outlook import foresee  # noqa: E402
from annotation.consensus.procedure import begin_from, hear_known  # noqa: E402
from annotation.consensus.synsets import count_states, find_factors  # noqa: E402
from annotation.models import Snapshot  # noqa: E402
from annotation.queries.snapshots import read_parameters, read_skills  # noqa: E402
from annotation.queries.teaching import list_teachers, read_parents, read_shard  # noqa: E402
from annotation.tasks import run_estimation_shards  # noqa: E402

SHARDS = 8
PLAN = Plan(stages=2, last_rounds=12)


def expect() -> str:
    newest, annotator_ids = Snapshot.objects.latest("pk"), list_teachers()
    start = begin_from(read_parameters(newest))
    skills = read_skills(snapshot=newest, parameters=start, annotator_ids=annotator_ids)
    whole, _ = read_shard(shard=0, shards=1, annotator_ids=annotator_ids)
    blind = fit(votes=whole.votes, start=start, counts=skills.counts[skills.find_rows(annotator_ids)], plan=PLAN)
    heard = hear_known(known=whole, course=blind, find_factors=lambda: find_synset_factors(whole, blind))
    course = fit(votes=whole.votes, start=heard.parameters, counts=blind.counts, truth=whole.truth, plan=PLAN)
    parameters = replace(course.parameters, outlook=foresee(counts=course.counts, parameters=course.parameters))
    counts = course.counts.reshape(len(annotator_ids), -1).tolist()
    factors = {} if heard.factors is None else dict(heard.factors.iterate_rows())
    losses = [heard.loss_without, heard.loss_with]
    return digest(parameters.to_json(), dict(zip(annotator_ids.tolist(), counts, strict=True)), factors, losses)


def find_synset_factors(whole, blind):
    counts = count_states(shard=whole, course=blind)
    return find_factors(counts=counts, parents=read_parents(), shares=blind.parameters.shares)


def begin() -> str:
    begun = estimation.begin_estimation(shards=SHARDS, by=None, at=now(), plan=PLAN)
    run_estimation_shards.delay()
    return str(begun.pk)


def found() -> str:
    newest = Snapshot.objects.latest("pk")
    factors = dict(newest.synset_priors.values_list("synset_id", "log_factors"))
    losses = [newest.report["gold_loss"], newest.report["synset_loss"]]
    return digest(newest.parameters, dict(newest.skills.values_list("annotator_id", "counts")), factors, losses)


def digest(parameters, counts, factors, losses) -> str:
    """Floats are written so that they come back as they were: one digest, one result to the last bit."""
    return hashlib.sha256(
        json.dumps([parameters, sorted(counts.items()), sorted(factors.items()), losses], sort_keys=True).encode()
    ).hexdigest()


if __name__ == "__main__":
    print({"expect": expect, "begin": begin, "found": found}[sys.argv[1]]())

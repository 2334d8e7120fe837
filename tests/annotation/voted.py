"""A campaign on which a crowd of known accuracy has voted, as an import brings it."""

import csv
from datetime import UTC, datetime, timedelta

import numpy as np
from django.utils.timezone import now

from annotation.actions import gold, imports, snapshots
from annotation.models import Campaign
from tests.builders import make_candidates, make_open_campaign, make_synset

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
ANSWERS = ("NO", "UNSURE", "YES")


def make_voted_campaign(
    folder,
    *,
    synsets=7,
    each=12,
    annotators=12,
    votes=5,
    gold_share=0.3,
    accuracy=(0.7, 0.97),
    yes_shares=(0.4,),
    seed=0,
    **policy,
) -> tuple[Campaign, dict[int, int]]:
    """The campaign, whose first annotator says YES to everything, and the truth of its questions by id; synsets take turns in
    `yes_shares`."""
    # Where a new installation starts.
    snapshots.ensure_snapshot(by=None, at=now())
    chance = np.random.default_rng(seed)
    first = 1000 + 100 * seed
    asked = [make_synset(number) for number in range(first, first + synsets)]
    for synset in asked:
        make_candidates(synset, each)
    campaign = make_open_campaign(asked, name=f"voted-{seed}", **policy)
    questions = list(campaign.questions.select_related("synset", "candidate__image").order_by("pk"))
    truths = {
        question.pk: int(chance.random() < yes_shares[question.synset_id % len(yes_shares)]) for question in questions
    }
    known = [question.pk for question in questions if chance.random() < gold_share]
    gold.record_gold(truths={pk: "YES" if truths[pk] else "NO" for pk in known}, source="CURATOR", by=None, at=now())
    rows: list[list[str]] = []
    for question in questions:
        for annotator in chance.choice(annotators, size=votes, replace=False):
            right = chance.random() < np.linspace(accuracy[0], accuracy[1], annotators)[annotator]
            truth = truths[question.pk]
            answer = 1 if chance.random() < 0.08 else 2 * (truth if right else 1 - truth)
            said = "YES" if annotator == 0 else ANSWERS[answer]
            place = [question.synset.wnid, question.candidate.image.sha256_hex]
            rows.append([*place, f"crowd-{annotator}", said, (START + timedelta(seconds=len(rows))).isoformat()])
    import_rows(folder / f"votes-{seed}.csv", rows, campaign)
    return campaign, truths


def import_rows(path, rows, campaign):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["wnid", "image_sha256", "annotator", "answer", "at"], *rows])
    imports.import_votes(path=path, campaign=campaign.name, at=now(), progress=lambda line: None)

"""The demo campaign, whose truth is known."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from annotation.actions.campaigns import draft_campaign, open_campaign
from annotation.actions.gold import record_gold
from annotation.models import Campaign, Gold, Question
from annotation.queries.truths import Truths
from annotation.rules import PolicyValues


@transaction.atomic
def open_demo(
    *, name: str, wnids: Sequence[str], truths: Truths, instructions: str, by: User, at: datetime
) -> Campaign:
    """The demo campaign, open, with one true and one wrong picture of each synset as gold. Done once: an existing
    campaign of that name is left as it is."""
    existing = Campaign.objects.filter(name=name).first()
    if existing is not None:
        return existing
    draft_campaign(
        name=name, title="Drawings", wnids=wnids, policy=PolicyValues(), by=by, at=at, instructions=instructions
    )
    campaign = open_campaign(name=name, by=by, at=at)
    record_gold(truths=_choose_gold(campaign, truths), source=Gold.Source.IMPORT, by=by, at=at)
    return campaign


def _choose_gold(campaign: Campaign, truths: Truths) -> dict[int, str]:
    """One question of each synset and truth, by chance; pictures that others brought have no known truth."""
    known: dict[tuple[str, str], list[int]] = defaultdict(list)
    rows = Question.objects.filter(campaign=campaign)
    for pk, wnid, sha256 in rows.values_list("pk", "synset__wnid", "candidate__image__sha256"):
        truth = truths.get((wnid, bytes(sha256).hex()))
        if truth is not None:
            known[wnid, truth].append(pk)
    return {secrets.choice(questions): truth for (_, truth), questions in known.items()}

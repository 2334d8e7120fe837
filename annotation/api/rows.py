"""Database rows as the values that the answers describe."""

import time
from functools import lru_cache
from typing import Any

from rest_framework.request import Request

from annotation.api.answers import (
    AppealAnswer,
    CampaignAnswer,
    CampaignProgressAnswer,
    DisputeAnswer,
    DisputeWithTallyAnswer,
)
from annotation.models import Batch, Campaign, Dispute
from annotation.queries.bars import Evidence
from annotation.queries.batches import list_pictures
from annotation.queries.campaigns import Progress, coarsen_percent
from annotation.queries.disputes import Tally
from annotation.queries.notes import find_notes
from hierarchy.models import Image, Synset
from hierarchy.queries.pictures import sign_picture, sign_pictures
from hierarchy.queries.synsets import find_path, read_synset

# Votes are taken after the lease has expired, so its pictures show a little longer.
PICTURE_GRACE_SECONDS = 900
# Curators' addresses stay the same for an hour, so that an answer does too, and are good for another.
DISPUTE_SECONDS = 3600
SYNSET_SECONDS = 60


def write_batch(request: Request, batch: Batch) -> Any:
    """The lease as its annotator sees it. Nothing in it depends on which questions are gold."""
    pictures = list_pictures(batch)
    paths = sign_pictures(
        [picture.image_id for picture in pictures],
        rendition=Image.Rendition.LARGE,
        audience=f"annotator:{batch.annotator_id}:{batch.pk}",
        expires_at=int(batch.expires_at.timestamp()) + PICTURE_GRACE_SECONDS,
    )
    host = request.build_absolute_uri("/").rstrip("/")
    # In the shape of BatchAnswer, which would take longer than all else here to write what is plain already.
    return {
        "id": batch.pk,
        "campaign": batch.campaign.name,
        "synset": write_synset_in_full(batch.synset_id, int(time.monotonic() // SYNSET_SECONDS)),
        "expires_at": batch.expires_at,
        "items": [
            {
                "position": picture.position,
                "image": {"url": host + path, "width": picture.width, "height": picture.height},
            }
            for picture, path in zip(pictures, paths, strict=True)
        ],
    }


@lru_cache(maxsize=1024)
def write_synset_in_full(synset_id: int, moment: int) -> dict[str, Any]:
    """Kept for each `moment`: every page of a synset says the same, and only curators who write notes change it."""
    synset = read_synset(synset_id)
    path = [write_synset(step) for step in find_path(synset)]
    notes = find_notes(synset_id)
    said = {name: getattr(notes, name, "") for name in ("includes", "excludes")}
    return {**write_synset(synset), "gloss": synset.gloss, "path": path, **said}


def write_synset(synset: Synset) -> dict[str, Any]:
    return {"wnid": synset.wnid, "words": synset.words}


def write_campaign(campaign: Campaign) -> Any:
    return CampaignAnswer(_describe_campaign(campaign)).data


def _describe_campaign(campaign: Campaign) -> dict[str, Any]:
    names = ("name", "title", "instructions", "state", "layout", "opened_at", "closed_at")
    training = getattr(campaign, "training", None)
    return {**{name: getattr(campaign, name) for name in names}, "training": bool(training and training.active)}


def write_campaign_progress(campaign: Campaign, progress: Progress, *, everything: bool) -> Any:
    """With `everything`, for curators, in full; annotators learn how far it is, too coarsely to tell gold or a vote."""
    numbers: dict[str, Any] = {"percent": coarsen_percent(progress.percent)}
    if everything:
        names = ("questions", "finished", "percent", "open", "accepted", "rejected", "disputed", "gold", "votes")
        numbers = {name: getattr(progress, name) for name in (*names, "votes_per_finished")}
    described = {**_describe_campaign(campaign), "progress": numbers}
    return CampaignProgressAnswer(described).data


def write_appeal(evidence: Evidence) -> Any:
    """An appeal with its bar and how its annotator answered, for curators; the annotator by number."""
    appeal, answered = evidence.appeal, evidence.answered
    found = {
        **{name: getattr(appeal, name) for name in ("text", "made_at", "answered_at", "lifted", "answer")},
        "id": appeal.pk,
        "annotator": appeal.bar.annotator_id,
        "bar": appeal.bar,
        "votes": answered.votes,
        "gold": answered.gold,
        "right": answered.right,
    }
    return AppealAnswer(found).data


def write_dispute(request: Request, dispute: Dispute, tally: Tally | None = None, *, moment: int) -> Any:
    """A dispute, with its votes' spread where it is given; `moment` in Unix seconds."""
    question, image = dispute.question, dispute.question.candidate.image
    estimate = getattr(question, "estimate", None)
    expires_at = (moment // DISPUTE_SECONDS + 2) * DISPUTE_SECONDS
    found = {
        "id": dispute.pk,
        "campaign": question.campaign.name,
        "synset": write_synset(question.synset),
        "image": {
            "url": request.build_absolute_uri(
                sign_picture(
                    image_id=image.pk,
                    rendition=Image.Rendition.LARGE,
                    audience=f"curator:{request.user.pk}",
                    expires_at=expires_at,
                )
            ),
            "width": image.width,
            "height": image.height,
        },
        "reason": dispute.reason,
        "version": dispute.version,
        "opened_at": dispute.opened_at,
        "probability": estimate.probability if estimate else None,
        "settled_at": dispute.settled_at,
        "verdict": dispute.verdict or None,
        "explanation": dispute.explanation,
    }
    if tally is None:
        return DisputeAnswer(found).data
    spread = {"YES": tally.yes, "UNSURE": tally.unsure, "NO": tally.no}
    return DisputeWithTallyAnswer({**found, "tally": spread, "voted": tally.voted}).data

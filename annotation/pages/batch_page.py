"""A leased page of pictures as its template reads it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from annotation.models import Annotator, Batch
from annotation.pages.flag_marks import describe_marks
from annotation.queries import activity, batches
from annotation.queries.batches import Picture
from annotation.queries.examples import Example, list_examples
from annotation.queries.flags import list_own_flags
from annotation.queries.notes import find_notes
from hierarchy.models import Image, Synset
from hierarchy.queries.pictures import sign_pictures
from hierarchy.queries.synsets import find_path

EXAMPLES = 6
# Pictures outlast their lease: late votes are still taken.
PICTURE_GRACE_SECONDS = 900
# Addresses of examples stay the same for an hour, so that a browser keeps the pictures, and are good for another.
EXAMPLE_SECONDS = 3600


def describe_batch(batch: Batch | None, answers: Mapping[int, str]) -> dict[str, Any]:
    """The part of the context that is about one page; `answers` by position are what was given already."""
    if batch is None:
        return {"batch": None}
    pictures = batches.list_pictures(batch)
    flagged = list_own_flags(batch.annotator_id, batch)
    return {
        "batch": batch,
        "campaign": batch.campaign,
        "question_text": _("Does this picture show “%(word)s”?") % {"word": batch.synset.words[0]},
        "synset": _describe_synset(batch.synset),
        "notes": find_notes(batch.synset_id),
        **_describe_examples(batch),
        "items": [
            {**item, "flags": describe_marks(flagged, item["position"])}
            for item in _list_items(batch, pictures, answers)
        ],
        "definition_flags": describe_marks(flagged, None),
        "credits": _list_credits(pictures),
        # As text: a template would write it with the comma of the reader's language.
        "seconds_left": f"{max((batch.expires_at - now()).total_seconds(), 0):.1f}",
    }


def describe_standing(annotator: Annotator, user: User) -> dict[str, Any]:
    """What the annotator has just sent and can take back, and the day's work."""
    moment = localtime()
    last = batches.find_last_batch(annotator, now=moment)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    until = last.undo_until if last is not None else None
    return {
        "last_batch": last if until is not None else None,
        "undo_seconds_left": int((until - moment).total_seconds()) if until is not None else 0,
        "progress": {"answered_today": activity.count_activity(user, since=midnight).recent},
    }


def _describe_synset(synset: Synset) -> dict[str, Any]:
    above = [step for step in find_path(synset) if step.pk != synset.pk]
    return {
        "wnid": synset.wnid,
        "words": synset.words,
        "gloss": synset.gloss,
        "path": [{"wnid": step.wnid, "words": step.words} for step in above],
    }


def _describe_examples(batch: Batch) -> dict[str, Any]:
    """Pictures that show the synset, a sibling of it, or what was taken for it."""
    found = list_examples(batch, limit=EXAMPLES)
    expires_at = (int(time.time()) // EXAMPLE_SECONDS + 2) * EXAMPLE_SECONDS

    def sign(examples: Sequence[Example]) -> list[dict[str, Any]]:
        urls = sign_pictures(
            [example.image_id for example in examples],
            rendition=Image.Rendition.SMALL,
            audience=f"annotator:{batch.annotator_id}",
            expires_at=expires_at,
        )
        return [
            {"url": url, "width": example.width, "height": example.height, "word": example.word}
            for example, url in zip(examples, urls, strict=True)
        ]

    return {
        "examples": sign(found.positive),
        "near_misses": sign(found.near_miss),
        "negatives": sign(found.negative),
    }


def _list_credits(pictures: Sequence[Picture]) -> list[str]:
    """Authors and licences of a page, each once and in the order of the alphabet, so that they belong to no picture."""
    named = {(picture.author, picture.licence) for picture in pictures}
    named_once = {f"{author} ({licence})" if author and licence else author or licence for author, licence in named}
    return sorted(named_once - {""})


def _list_items(batch: Batch, pictures: Sequence[Picture], answers: Mapping[int, str]) -> list[dict[str, Any]]:
    images = [picture.image_id for picture in pictures]
    signed: dict[str, Any] = {
        "audience": f"annotator:{batch.annotator_id}:{batch.pk}",
        "expires_at": int(batch.expires_at.timestamp()) + PICTURE_GRACE_SECONDS,
    }
    small = sign_pictures(images, rendition=Image.Rendition.SMALL, **signed)
    large = sign_pictures(images, rendition=Image.Rendition.LARGE, **signed)
    return [
        {
            "position": picture.position,
            "small_url": small_url,
            "large_url": large_url,
            "width": picture.small_width,
            "height": picture.small_height,
            "answer": answers.get(picture.position, ""),
        }
        for picture, small_url, large_url in zip(pictures, small, large, strict=True)
    ]

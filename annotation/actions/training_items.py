"""What a training is made of: built from definitions, notes and settled pictures, and edited by curators."""

import random
import re
from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.campaigns import lock_campaign
from annotation.models import Campaign, CampaignSynset, Gold, TrainingItem
from annotation.models.training import EXPLANATION_LENGTH
from annotation.queries.examples import Example, search_examples
from annotation.queries.notes import find_notes
from annotation.queries.training import find_training, list_drawable, list_usable
from hierarchy.actions.audit import append_entry
from hierarchy.errors import Conflict, InvalidInput, NotFound
from hierarchy.models import AuditAction, Image, Synset
from hierarchy.queries.lookalikes import list_siblings

# Of a campaign's synsets so many, spread over its order, and of each so many pictures of either kind.
SYNSETS = 24
PICTURES = 4
WRONG_CHOICES = 3
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_draw = random.SystemRandom()
Kind = TrainingItem.Kind


def build_items(*, campaign: Campaign, at: datetime) -> int:
    """Adds what can be made now and is not there yet, in the caller's transaction; returns how many. What was dropped stays so.

    Pictures are settled, asked about nowhere, and never were gold in any campaign.
    """
    made = [item for synset in _choose_synsets(campaign) for item in _build_for(campaign, synset, at)]
    before = TrainingItem.objects.filter(campaign=campaign).count()
    TrainingItem.objects.bulk_create(made, ignore_conflicts=True)
    # Some may have been gold once, which examples may.
    clean = list_usable(campaign).filter(image__isnull=False).values("pk")
    TrainingItem.objects.filter(campaign=campaign, added_at=at, image__isnull=False).exclude(pk__in=clean).delete()
    return TrainingItem.objects.filter(campaign=campaign).count() - before


def _choose_synsets(campaign: Campaign) -> list[Synset]:
    ids = list(
        CampaignSynset.objects.filter(campaign=campaign).order_by("position").values_list("synset_id", flat=True)
    )
    step = max(len(ids) / SYNSETS, 1)
    chosen = [ids[int(place * step)] for place in range(min(SYNSETS, len(ids)))]
    found = Synset.objects.in_bulk(chosen)
    return [found[pk] for pk in chosen]


def _build_for(campaign: Campaign, synset: Synset, at: datetime) -> Iterator[TrainingItem]:
    given = {"campaign": campaign, "synset": synset, "added_at": at}
    glosses = list(Synset.objects.filter(pk__in=list_siblings(synset.pk)).values_list("gloss", flat=True))
    wrong = sorted({gloss for gloss in glosses if gloss != synset.gloss})
    if wrong:
        choices, correct = _mix(synset.gloss, _draw.sample(wrong, min(WRONG_CHOICES, len(wrong))))
        yield TrainingItem(kind=Kind.GLOSS, choices=choices, correct=correct, **given)
    notes = find_notes(synset.pk)
    if notes is not None and notes.includes and notes.excludes:
        excluded = sorted({line.strip() for line in notes.excludes.splitlines() if line.strip()})
        choices, correct = _mix(notes.includes.splitlines()[0].strip(), excluded[:WRONG_CHOICES])
        yield TrainingItem(kind=Kind.NOTES, choices=choices, correct=correct, **given)
    examples = search_examples(synset.pk)
    for example in examples.positive[:PICTURES]:
        yield _make_practice(example, shows=synset.pk, correct=1, given=given)
    for example in examples.near_miss[:PICTURES]:
        yield _make_practice(example, shows=example.synset_id, correct=0, given=given)
    for example in examples.negative[: PICTURES // 2]:
        yield _make_practice(example, shows=None, correct=0, given=given)


def _mix(right: str, wrong: list[str]) -> tuple[list[str], int]:
    choices = [right, *wrong]
    _draw.shuffle(choices)
    return choices, choices.index(right)


def _make_practice(example: Example, *, shows: int | None, correct: int, given: dict[str, object]) -> TrainingItem:
    return TrainingItem(kind=Kind.PRACTICE, image_id=example.image_id, shows_id=shows, correct=correct, **given)


@transaction.atomic
def edit_item(*, name: str, item_id: int, explanation: str, dropped: bool, by: User, at: datetime) -> None:
    """A curator's explanation of an item (none: what follows from the item), and whether it is used.

    InvalidInput for more than EXPLANATION_LENGTH characters; Conflict where nothing would be left of a training that is on.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).filter(name=name).first()
    item = TrainingItem.objects.filter(campaign=campaign, pk=item_id).first() if campaign else None
    if campaign is None or item is None:
        raise NotFound("There is no such item.")
    explanation = explanation.replace("\0", "").replace("\r\n", "\n").strip()
    if len(explanation) > EXPLANATION_LENGTH:
        raise InvalidInput({"explanation": _("must have at most %(most)s characters") % {"most": EXPLANATION_LENGTH}})
    item.explanation, item.dropped_at = explanation, (item.dropped_at or at) if dropped else None
    item.save(update_fields=["explanation", "dropped_at"])
    training = find_training(campaign)
    if training is not None and training.active and not list_drawable(training).exists():
        raise Conflict(_("This is the last one: switch the training off first."))
    append_entry(
        action=AuditAction.CHANGE_TRAINING,
        subject=f"campaign:{name}",
        detail={"item": item.pk, "dropped": dropped},
        by=by,
    )


@transaction.atomic
def add_picture(*, name: str, sha256: str, wnid: str, truth: str, by: User, at: datetime) -> TrainingItem:
    """A picture of a curator's choice for a synset of the campaign; one that is there already is used again, with this truth.

    InvalidInput where image, synset or truth (YES or NO) is none; Conflict where the picture is asked about or was ever gold.
    """
    campaign = lock_campaign(name)
    image = Image.objects.filter(sha256=bytes.fromhex(sha256)).first() if SHA256.fullmatch(sha256) else None
    synset = campaign.synsets.filter(wnid=wnid).first()
    problems = {}
    if image is None:
        problems["sha256"] = _("must be the SHA-256 of a picture")
    if synset is None:
        problems["wnid"] = _("must be a synset of the campaign")
    if truth not in Gold.Truth.values:
        problems["truth"] = _("must be one of %(values)s") % {"values": ", ".join(Gold.Truth.values)}
    if problems or image is None or synset is None:
        raise InvalidInput(problems)
    correct = int(truth == Gold.Truth.YES)
    item, _made = TrainingItem.objects.update_or_create(
        campaign=campaign,
        synset=synset,
        image=image,
        kind=Kind.PRACTICE,
        defaults={"correct": correct, "shows": synset if correct else None, "added_at": at, "dropped_at": None},
    )
    if not list_usable(campaign).filter(pk=item.pk).exists():
        raise Conflict(_("This picture is asked about, or was gold: it would give something away."))
    append_entry(
        action=AuditAction.CHANGE_TRAINING,
        subject=f"campaign:{name}",
        detail={"item": item.pk, "added": True},
        by=by,
    )
    return item

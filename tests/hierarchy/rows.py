"""Rows of the hierarchy for tests that are not about how rows get there."""

import hashlib
from datetime import UTC, datetime

from hierarchy.models import Candidate, Image, ParentLink, Synset, SynsetWord

COLLECTED_AT = datetime(2025, 12, 1, tzinfo=UTC)


def make_synset(number, *words, safety="UNSET"):
    """A synset of this offset; without words it is called after its number."""
    wnid = f"n{number:08d}"
    return Synset.objects.create(
        id=number, wnid=wnid, words=list(words) or [f"thing {number}"], gloss=f"gloss of {wnid}", safety=safety
    )


def link_synsets(child, parent, *, instance=False):
    return ParentLink.objects.create(child=child, parent=parent, instance=instance)


def make_images(count, *, name="image"):
    return Image.objects.bulk_create(
        Image(
            sha256=hashlib.sha256(f"{name} {number}".encode()).digest(),
            perceptual_hash=number,
            width=640,
            height=480,
            small_width=320,
            small_height=240,
            source="https://example.org/picture",
            imported_at=COLLECTED_AT,
        )
        for number in range(count)
    )


def make_candidates(count, *, synset=None, name="image"):
    """That many candidates of one synset (a new one unless given), each with an image of its own."""
    synset = synset or make_synset(1740)
    return Candidate.objects.bulk_create(
        Candidate(image=image, synset=synset, collected_at=COLLECTED_AT) for image in make_images(count, name=name)
    )


def make_search_words():
    """The search words of all synsets, as an import leaves them."""
    SynsetWord.objects.bulk_create(
        SynsetWord(synset=synset, position=position, word=word.lower())
        for synset in Synset.objects.all()
        for position, word in enumerate(synset.words)
    )

"""What a synset looks like, what is easily taken for it, and what was taken for it: pictures that nobody is asked about any more."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from redis.exceptions import RedisError

from annotation.models import Batch, Question
from hierarchy.models import Label
from hierarchy.queries.examples import list_example_pictures
from hierarchy.queries.lookalikes import list_near_misses, list_rejected

logger = logging.getLogger(__name__)
# What is found is kept so long, and more of it than is shown: part of it may be hidden from whoever looks.
KEPT_SECONDS = 60
SOUGHT = 24

# Asked about for any synset, in any campaign, gold among them; or on a page that this annotator has open, which others may have
# finished meanwhile.
HIDDEN = """
SELECT candidate.image_id FROM hierarchy_candidate AS candidate JOIN annotation_question AS question ON question.candidate_id = candidate.id
WHERE candidate.image_id = ANY(%(images)s::bigint[]) AND (
    question.state IN ('OPEN', 'DISPUTED') AND question.closed_at IS NULL
    OR question.id IN (
        SELECT item.question_id FROM annotation_batch AS batch JOIN annotation_batchitem AS item ON item.batch_id = batch.id
        WHERE batch.annotator_id = %(annotator)s AND batch.closed_at IS NULL))
"""


@dataclass(frozen=True)
class Example:
    """A picture, and the word of the synset that it was accepted for (of a rejected one: that it was proposed for)."""

    image_id: int
    width: int
    height: int
    word: str
    synset_id: int


@dataclass(frozen=True)
class Examples:
    """Pictures that show the synset; that show a sibling of it; that were proposed for it and do not show it."""

    positive: Sequence[Example]
    near_miss: Sequence[Example]
    negative: Sequence[Example]

    def list_all(self) -> list[Example]:
        return [*self.positive, *self.near_miss, *self.negative]


def list_examples(batch: Batch, *, limit: int) -> Examples:
    """At most `limit` of each kind for whoever has this page. None is a question that anybody may still get, or gold, or on an open page
    of theirs; all are current labels, as long as a minute old. One query where somebody looked within that minute."""
    found = _find(batch.synset_id)
    images = [example.image_id for example in found.list_all()]
    hidden = _find_hidden(images, batch.annotator_id)

    def show(examples: Sequence[Example]) -> list[Example]:
        return [example for example in examples if example.image_id not in hidden][:limit]

    return Examples(show(found.positive), show(found.near_miss), show(found.negative))


def is_asked(image_id: str) -> Exists:
    """Whether a question on the image at the column `image_id` of the outer query may still be asked, gold among them."""
    return Exists(Question.objects.unfinished().filter(candidate__image_id=OuterRef(image_id)))


def _find_hidden(images: list[int], annotator_id: int) -> set[int]:
    if not images:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(HIDDEN, {"images": images, "annotator": annotator_id})
        return {row[0] for row in cursor.fetchall()}


def _find(synset_id: int) -> Examples:
    """As it was within the last minute."""
    name = f"examples:{synset_id}"
    try:
        kept: Examples | None = cache.get(name)
        if kept is not None:
            return kept
    except (RedisError, OSError) as error:
        logger.warning("Examples that were found before cannot be read: %s", error)
    found = search_examples(synset_id)
    try:
        cache.set(name, found, timeout=KEPT_SECONDS)
    except (RedisError, OSError) as error:
        logger.warning("Examples cannot be kept: %s", error)
    return found


def search_examples(synset_id: int) -> Examples:
    """Up to SOUGHT of each kind, as of now, of which none is asked about. Five queries."""
    hidden = Q(is_asked("candidate__image_id"))
    positive = list_example_pictures(synset_id, everything=False, current=True, limit=SOUGHT, hidden=hidden)
    near_miss = list_near_misses(synset_id, limit=SOUGHT, hidden=hidden)
    negative = list_rejected(synset_id, limit=SOUGHT, hidden=hidden)
    return Examples(*([_describe(label) for label in labels] for labels in (positive, near_miss, negative)))


def _describe(label: Label) -> Example:
    image = label.candidate.image
    return Example(image.pk, image.small_width, image.small_height, label.synset.words[0], label.synset_id)

"""Finding synsets, and the way from one to another."""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Length, Replace

from hierarchy.dag import order_topologically
from hierarchy.errors import InvalidInput, NotFound
from hierarchy.models import Closure, ParentLink, Synset, SynsetWord
from hierarchy.queries.plain import build_models, execute_planned, name_columns

WNID = re.compile(r"n([0-9]{8})", re.ASCII)
SEARCH_LIMIT = 50
# The trigram index finds nothing shorter inside a word.
MIN_LETTERS_INSIDE_WORD = 3
# The longest word of WordNet has 71 letters.
MAX_SEARCH_LETTERS = 100


@dataclass(frozen=True)
class Relative:
    """A synset above or below another: `distance` links away, `instance` when every path takes an instance link."""

    synset: Synset
    distance: int
    instance: bool


def parse_wnid(text: str) -> int:
    """The synset's id in a wnid such as n02084071. Raises InvalidInput for anything that is not a noun's wnid."""
    match = WNID.fullmatch(text)
    if match is None:
        raise InvalidInput({"wnid": f"{text[:20]!r} is no wnid: an n and eight digits, for example n02084071"})
    return int(match[1])


def find_synset(wnid: str) -> Synset:
    """The synset with that wnid. Raises InvalidInput for a malformed one, NotFound for an unknown one."""
    synset = Synset.objects.filter(pk=parse_wnid(wnid)).first()
    if synset is None:
        raise NotFound(f"There is no synset {wnid}.")
    return synset


def find_root() -> Synset | None:
    """The synset without parents (entity), None before WordNet is imported."""
    has_parent = Exists(ParentLink.objects.filter(child_id=OuterRef("pk")))
    return Synset.objects.filter(~has_parent).order_by("pk").first()


def search_synsets(text: str, *, limit: int = SEARCH_LIMIT) -> list[Synset]:
    """At most `limit` synsets with a word that is, begins with or contains `text`, in that order.

    Among equals, terms of fewer words come first, then synsets that list the term early, then the alphabet. A wnid
    finds its synset. Case and runs of blanks do not matter; text of one or two letters is not looked for inside words.
    """
    term = " ".join(text.replace("\0", " ").replace("_", " ").lower().split())
    if not term or len(term) > MAX_SEARCH_LETTERS:
        return []
    if WNID.fullmatch(term):
        return list(Synset.objects.filter(wnid=term))
    return [match.synset for match in _match_words(term)[:limit]]


def _match_words(term: str) -> QuerySet[SynsetWord]:
    """The best matching word of each synset that matches, best first."""
    inside = Q(word__contains=term) if len(term) >= MIN_LETTERS_INSIDE_WORD else Q()
    rank = Case(When(word=term, then=0), When(word__startswith=term, then=1), default=2, output_field=IntegerField())
    blanks = Length("word") - Length(Replace("word", Value(" ")))
    ranked = SynsetWord.objects.annotate(rank=rank, blanks=blanks)
    matching = ranked.filter(Q(word__startswith=term) | inside)
    best = matching.order_by("synset_id", "rank", "blanks", "position").distinct("synset_id")
    order = ("rank", "blanks", "position", "word", "synset_id")
    return ranked.filter(pk__in=best.values("pk")).select_related("synset").order_by(*order)


def list_parents(synset_id: int) -> list[Relative]:
    """The direct hypernyms, ordinary ones first, then by id."""
    links = ParentLink.objects.filter(child_id=synset_id).select_related("parent").order_by("instance", "parent_id")
    return [Relative(synset=link.parent, distance=1, instance=link.instance) for link in links]


def list_ancestors(synset_id: int) -> list[Relative]:
    """All synsets above, nearest first, then by id."""
    pairs = Closure.objects.filter(descendant_id=synset_id, distance__gt=0).select_related("ancestor")
    return [
        Relative(synset=pair.ancestor, distance=pair.distance, instance=pair.instance)
        for pair in pairs.order_by("distance", "ancestor_id")
    ]


def list_descendants(
    synset_id: int, *, limit: int, instances: bool = False, after: int | None = None
) -> list[Relative]:
    """At most `limit` synsets below, ascending by id and beginning after the id `after`.

    `instances` adds those that only instance links reach.
    """
    pairs = Closure.objects.filter(ancestor_id=synset_id, distance__gt=0).select_related("descendant")
    if not instances:
        pairs = pairs.filter(instance=False)
    if after is not None:
        pairs = pairs.filter(descendant_id__gt=after)
    return [
        Relative(synset=pair.descendant, distance=pair.distance, instance=pair.instance)
        for pair in pairs.order_by("descendant_id")[:limit]
    ]


FIND_SYNSET = f"SELECT {name_columns(Synset)} FROM hierarchy_synset WHERE id = %(synset)s"  # noqa: S608 (names of columns)
LINKS_ABOVE = f"""
SELECT link.child_id, {name_columns(Synset)}
FROM hierarchy_closure AS closure JOIN hierarchy_parentlink AS link ON link.child_id = closure.ancestor_id
JOIN hierarchy_synset ON hierarchy_synset.id = link.parent_id
WHERE closure.descendant_id = %(synset)s ORDER BY link.instance, link.parent_id
"""  # noqa: S608 (names of columns)


def read_synset(synset_id: int) -> Synset:
    """A synset that is there. One query."""
    with connection.cursor() as cursor:
        execute_planned(cursor, FIND_SYNSET, {"synset": synset_id})
        synset: Synset = build_models(cursor.fetchone(), Synset)[0]
    return synset


def find_path(synset: Synset) -> list[Synset]:
    """One shortest path from the root to the synset, both included; of several, always the same. One query."""
    with connection.cursor() as cursor:
        execute_planned(cursor, LINKS_ABOVE, {"synset": synset.pk})
        rows = cursor.fetchall()
    found = {row[1]: row[1:] for row in rows}
    above = _climb(synset.pk, [row[:2] for row in rows])[:-1]
    return [*(build_models(found[step], Synset)[0] for step in above), synset]


def _climb(start: int, links: list[tuple[int, int]]) -> list[int]:
    """The shortest way from the node without parents down to `start`, found by breadth-first search upwards."""
    parents: dict[int, list[int]] = {}
    for child, parent in links:
        parents.setdefault(child, []).append(parent)
    way_down: dict[int, int | None] = {start: None}
    queue = deque([start])
    while queue[0] in parents:
        child = queue.popleft()
        for parent in parents[child]:
            if parent not in way_down:
                way_down[parent] = child
                queue.append(parent)
    path: list[int] = []
    step: int | None = queue[0]
    while step is not None:
        path.append(step)
        step = way_down[step]
    return path


def order_parents(synset_ids: Iterable[int]) -> dict[int, list[int]]:
    """The parents, ascending, of these synsets and of all above them, instance links among them; parents stand before their
    children, and the same synsets in the same order. Two queries; a lazy query set of ids becomes a part of both."""
    above = Closure.objects.filter(descendant__in=synset_ids).values_list("ancestor_id", flat=True).distinct()
    parents: dict[int, list[int]] = {synset_id: [] for synset_id in above.order_by("ancestor_id")}
    links = ParentLink.objects.filter(child__in=above).order_by("child_id", "parent_id")
    for child_id, parent_id in links.values_list("child_id", "parent_id"):
        parents[child_id].append(parent_id)
    return {synset_id: parents[synset_id] for synset_id in order_topologically(parents)}

"""What the measured actions need to find in the tables."""

import hashlib
import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import psycopg2
from django.contrib.auth.models import Group, User
from django.db import connection

from annotation.actions import campaigns
from annotation.models import Annotator, Campaign
from annotation.rules import PolicyValues
from hierarchy.models import AuditEntry, Candidate, Closure, Image, Synset, SynsetWord

PAGE_SIZE = 24
_numbers = itertools.count(1)


def read_clock() -> datetime:
    return datetime.now(UTC)


def empty_tables() -> None:
    """All rows of the service and its accounts; the two roles stay, and the audit log, which nobody empties."""
    tables = [name for name in connection.introspection.table_names() if name.startswith(("annotation_", "hierarchy_"))]
    tables.remove(AuditEntry._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE auth_user, {', '.join(tables)} CASCADE")


@contextmanager
def open_bare() -> Iterator[psycopg2.extensions.connection]:
    """A plain connection with the settings of the service's own, synchronous_commit = on among them."""
    with closing(psycopg2.connect(**connection.get_connection_params())) as bare:
        yield bare


def make_synsets(count: int) -> list[Synset]:
    """Synsets beside each other, without parents."""
    synsets = Synset.objects.bulk_create(
        Synset(id=number, wnid=f"n{number:08d}", words=[f"thing {number}"], gloss="something")
        for number in itertools.islice(_numbers, count)
    )
    SynsetWord.objects.bulk_create(SynsetWord(synset=synset, position=0, word=synset.words[0]) for synset in synsets)
    Closure.objects.bulk_create(
        Closure(ancestor=synset, descendant=synset, distance=0, instance=False) for synset in synsets
    )
    return synsets


def make_candidates(synset_ids: list[int], *, each: int) -> list[Candidate]:
    """That many candidates of each synset, every one with an image of its own (rows only, no files)."""
    at = read_clock()
    images = Image.objects.bulk_create(
        (
            Image(
                sha256=hashlib.sha256(str(next(_numbers)).encode()).digest(),
                perceptual_hash=0,
                width=500,
                height=375,
                small_width=320,
                small_height=240,
                source="benchmark",
                imported_at=at,
            )
            for _ in range(each * len(synset_ids))
        ),
        batch_size=5000,
    )
    return Candidate.objects.bulk_create(
        (
            Candidate(image=image, synset_id=synset_id, collected_at=at)
            for image, synset_id in zip(images, itertools.cycle(synset_ids), strict=False)
        ),
        batch_size=5000,
    )


def make_annotator() -> Annotator:
    """With an account in that role but without a password, whose hash would take longer than most that is measured."""
    return Annotator.objects.create(user=_make_user("annotator"), joined_at=read_clock())


def _make_user(role: str) -> User:
    user = User.objects.create(username=f"{role}-{next(_numbers)}")
    user.groups.add(Group.objects.get(name=role))
    return user


def make_campaign(*, synsets: int, candidates: int) -> Campaign:
    """An open campaign of pages of 24 without gold, over new synsets with that many candidates each."""
    made = make_synsets(synsets)
    make_candidates([synset.pk for synset in made], each=candidates)
    return open_campaign(wnids=[synset.wnid for synset in made])


def open_campaign(*, wnids: list[str]) -> Campaign:
    """An open campaign of pages of 24 without gold over synsets that have candidates."""
    curator, name = _make_user("curator"), f"campaign-{next(_numbers)}"
    campaigns.draft_campaign(
        name=name,
        title=name,
        wnids=wnids,
        policy=PolicyValues(gold_rate=0, page_size=PAGE_SIZE),
        by=curator,
        at=read_clock(),
    )
    opened = campaigns.open_campaign(name=name, by=curator, at=read_clock())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return opened

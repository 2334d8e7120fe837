"""Takes pictures in: decoded and made anew, stored by their digest, proposed for a synset."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from hierarchy import rules
from hierarchy.actions.copying import as_bytea, copy_rows
from hierarchy.actions.proposals import Proposal, propose_images
from hierarchy.actions.renditions import has_renditions, store_renditions
from hierarchy.imaging.processor import ImageProcessor, count_processes
from hierarchy.imaging.values import ImageLimits, ImageRefused, ProcessedImage
from hierarchy.intake.values import KnownImage, Refusal, SourceItem
from hierarchy.models import Image, Synset

CHUNK_ITEMS = 50
CHUNK_BYTES = 32_000_000
# Of known images, without bytes: enough for a statement to be worth its while, few enough for some megabytes.
CHUNK_LINES = 5_000
# Chunks read and being decoded while the one before them is stored.
CHUNKS_AHEAD = 2
LOCK_NAME = "hierarchy.import_images"
# The server's ordinary limits are meant for page views; here the disk, and another import's turn, are waited for.
CHUNK_TIMEOUT = "10min"

IMAGE_COLUMNS = (
    "sha256, perceptual_hash, width, height, small_width, small_height,"
    " source, author, licence, consent_basis, imported_at, imported_by_id"
)

_Results = Mapping[bytes, ProcessedImage | ImageRefused]


@dataclass(frozen=True)
class Provenance:
    """What holds for each picture whose source does not say it."""

    source: str = ""
    author: str = ""
    licence: str = ""
    consent_basis: str = ""


class RefusedItem(NamedTuple):
    place: str
    reason: str
    detail: str


@dataclass
class ImportedImages:
    """How many items of the source ended in each way: new images, new candidates of known images, ..."""

    images: int = 0
    candidates: int = 0
    already_there: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def taken(self) -> int:
        return self.images + self.candidates + self.already_there


class _Proposed(NamedTuple):
    item: SourceItem | KnownImage
    synset_id: int
    sha256: bytes


class _Chunk(NamedTuple):
    """What was read, and by digest what the decoder says, or will, of pictures that are not stored yet."""

    proposed: Sequence[_Proposed]
    decoding: Mapping[bytes, Future[ProcessedImage | ImageRefused]]


@dataclass(frozen=True)
class _Import:
    """What stays the same from chunk to chunk, and the counts, which do not."""

    defaults: Provenance
    by: User | None
    at: datetime
    on_refusal: Callable[[RefusedItem], None]
    counts: ImportedImages = field(default_factory=ImportedImages)

    def refuse(self, place: str, reason: str, detail: str) -> None:
        self.counts.refused[reason] += 1
        self.on_refusal(RefusedItem(place, reason, detail))


def import_images(
    *,
    items: Iterable[SourceItem | KnownImage | Refusal],
    defaults: Provenance,
    by: User | None,
    at: datetime,
    on_refusal: Callable[[RefusedItem], None],
    progress: Callable[[ImportedImages], None],
) -> ImportedImages:
    """Take in the pictures of a source, chunk by chunk, each all or nothing: it may be broken off and run again.

    An image is known by the SHA-256 of its bytes; what was first said of it stays. Its renditions are written before
    its row, and again when they have been lost and its bytes are in the source. Chunks are stored in the order of the
    source, while those after them are decoded on all processors; memory does not grow with the source.
    `on_refusal` gets every item that is not taken, for a reason of the source's or the decoder's, UNKNOWN_SYNSET,
    UNSAFE_SYNSET, or UNKNOWN_IMAGE for a KnownImage that is neither in the database nor came earlier in the source;
    `progress` is called after each chunk. Raises what reading `items` raises; the chunks before that stay.
    """
    running = _Import(defaults, by, at, on_refusal)
    with ImageProcessor(processes=count_processes(), limits=ImageLimits()) as processor:
        for chunk in _decode_ahead(_split_into_chunks(items, running), processor, running):
            results = {digest: future.result() for digest, future in chunk.decoding.items()}
            _store_chunk(list(_drop_refused(chunk.proposed, results, running)), results, running)
            progress(running.counts)
    return running.counts


def _decode_ahead(
    chunks: Iterable[Sequence[SourceItem | KnownImage]], processor: ImageProcessor, running: _Import
) -> Iterator[_Chunk]:
    """Each chunk when as many as CHUNKS_AHEAD after it are being decoded, or nothing comes after it any more."""
    begun: deque[_Chunk] = deque()
    try:
        for items in chunks:
            begun.append(_begin_chunk(items, processor, running))
            if len(begun) > CHUNKS_AHEAD:
                yield begun.popleft()
    except Exception:
        yield from begun  # reading failed; what was read before can still be stored
        raise
    yield from begun


def _split_into_chunks(
    items: Iterable[SourceItem | KnownImage | Refusal], running: _Import
) -> Iterator[list[SourceItem | KnownImage]]:
    chunk: list[SourceItem | KnownImage] = []
    pictures = size = 0
    for item in items:
        if isinstance(item, Refusal):
            running.refuse(item.place, item.reason, item.detail)
            continue
        chunk.append(item)
        if isinstance(item, SourceItem):
            pictures += 1
            size += len(item.data)
        if pictures >= CHUNK_ITEMS or size >= CHUNK_BYTES or len(chunk) >= CHUNK_LINES:
            yield chunk
            chunk, pictures, size = [], 0, 0
    if chunk:
        yield chunk


def _begin_chunk(items: Sequence[SourceItem | KnownImage], processor: ImageProcessor, running: _Import) -> _Chunk:
    """Has the decoder begin with each picture that is not stored already."""
    proposed = list(_find_synsets(items, running))
    pictures = {each.sha256: each.item for each in proposed if isinstance(each.item, SourceItem)}
    known = Image.objects.filter(sha256__in=pictures.keys()) if pictures else ()
    for image in known:
        if has_renditions(image):
            del pictures[bytes(image.sha256)]
    return _Chunk(proposed, {digest: processor.submit(picture) for digest, picture in pictures.items()})


def _find_synsets(items: Sequence[SourceItem | KnownImage], running: _Import) -> Iterator[_Proposed]:
    rows = Synset.objects.filter(wnid__in={item.wnid for item in items}).values_list("wnid", "pk", "safety")
    ids = {wnid: pk for wnid, pk, _ in rows}
    unsafe = {wnid: safety for wnid, _, safety in rows if not rules.is_safe_to_show(safety)}
    for item in items:
        wnid = item.wnid
        if wnid not in ids:
            running.refuse(item.place, "UNKNOWN_SYNSET", f"there is no synset {wnid}")
        elif wnid in unsafe:
            running.refuse(item.place, "UNSAFE_SYNSET", f"{wnid} is {unsafe[wnid]}: no pictures are taken for it")
        elif isinstance(item, SourceItem):
            yield _Proposed(item, ids[wnid], hashlib.sha256(item.data).digest())
        else:
            yield _Proposed(item, ids[wnid], item.sha256)


def _drop_refused(proposed: Sequence[_Proposed], results: _Results, running: _Import) -> Iterator[_Proposed]:
    for each in proposed:
        result = results.get(each.sha256) if isinstance(each.item, SourceItem) else None
        if isinstance(result, ImageRefused):
            running.refuse(each.item.place, result.reason, result.detail)
        else:
            yield each


@transaction.atomic
def _store_chunk(proposed: Sequence[_Proposed], results: _Results, running: _Import) -> None:
    processed = {digest: result for digest, result in results.items() if isinstance(result, ProcessedImage)}
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute("SELECT set_config(%s, %s, true)", [name, CHUNK_TIMEOUT])
        # Two imports store in turns: they share names of files, and rows.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK_NAME])
        store_renditions(processed.values())
        images = _add_images(cursor, proposed, processed, running)
    done = propose_images(
        proposals=(Proposal(each.synset_id, each.sha256, each.item.prior) for each in proposed), at=running.at
    )
    for position in done.unknown:
        running.refuse(proposed[position].item.place, "UNKNOWN_IMAGE", "no image in the database has this SHA-256")
    # Each new image has a new candidate, which is counted with it.
    running.counts.images += images
    running.counts.candidates += done.added - images
    running.counts.already_there += len(proposed) - len(done.unknown) - done.added


def _add_images(
    cursor: CursorWrapper, proposed: Sequence[_Proposed], processed: Mapping[bytes, ProcessedImage], running: _Import
) -> int:
    """How many of the pictures are new. What the first of several items says of the same picture is kept."""
    known = Image.objects.filter(sha256__in=processed.keys()).values_list("sha256", flat=True) if processed else ()
    new = dict(processed)
    for digest in known:
        del new[bytes(digest)]
    first: dict[bytes, SourceItem] = {}
    for each in proposed:
        if isinstance(each.item, SourceItem):
            first.setdefault(each.sha256, each.item)
    rows = [_describe_image(first[digest], picture, running) for digest, picture in new.items()]
    texts = "source, author, licence, consent_basis"
    copy_rows(cursor=cursor, table=Image._meta.db_table, columns=IMAGE_COLUMNS, rows=rows, texts=texts)
    return len(rows)


def _describe_image(item: SourceItem, picture: ProcessedImage, running: _Import) -> tuple[object, ...]:
    return (
        as_bytea(picture.sha256),
        picture.perceptual_hash,
        picture.width,
        picture.height,
        picture.small_width,
        picture.small_height,
        item.source or running.defaults.source or item.place,
        item.author or running.defaults.author,
        item.licence or running.defaults.licence,
        item.consent_basis or running.defaults.consent_basis,
        running.at,
        running.by.pk if running.by else None,
    )

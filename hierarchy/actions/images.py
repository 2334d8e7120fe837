"""Takes pictures in: decoded and made anew, stored by their digest, proposed for a synset."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import PIL.Image
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from hierarchy import rules
from hierarchy.imaging.processor import ImageProcessor
from hierarchy.imaging.values import ImageLimits, ImageRefused, ProcessedImage
from hierarchy.intake.values import Refusal, SourceItem
from hierarchy.models import Candidate, Image, Synset

PROCESSES = 2
CHUNK_ITEMS = 50
CHUNK_BYTES = 64_000_000
LOCK_NAME = "hierarchy.import_images"
# A rendition has it until it is whole; what a killed import left is written over.
PART_SUFFIX = ".part"

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


@dataclass(frozen=True)
class _Proposal:
    item: SourceItem
    synset_id: int
    digest: bytes

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def data(self) -> bytes:
        return self.item.data


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
    items: Iterable[SourceItem | Refusal],
    defaults: Provenance,
    by: User | None,
    at: datetime,
    on_refusal: Callable[[RefusedItem], None],
    progress: Callable[[ImportedImages], None],
) -> ImportedImages:
    """Take in the pictures of a source, chunk by chunk, each all or nothing: it may be broken off and run again.

    An image is known by the SHA-256 of its bytes; what was first said of it stays. Its renditions are written before
    its row, and again when they have been lost. `on_refusal` gets every item that is not taken, for a reason of the
    source's or the decoder's, UNKNOWN_SYNSET or UNSAFE_SYNSET; `progress` is called after each chunk.
    Raises what reading `items` raises; the chunks before that stay.
    """
    running = _Import(defaults, by, at, on_refusal)
    with ImageProcessor(processes=PROCESSES, limits=ImageLimits()) as processor:
        for chunk in _split_into_chunks(items, running):
            proposals = list(_find_synsets(chunk, running))
            results = _process_new_pictures(proposals, processor)
            _store_chunk(list(_drop_refused(proposals, results, running)), results, running)
            progress(running.counts)
    return running.counts


def _split_into_chunks(items: Iterable[SourceItem | Refusal], running: _Import) -> Iterator[list[SourceItem]]:
    chunk: list[SourceItem] = []
    size = 0
    for item in items:
        if isinstance(item, Refusal):
            running.refuse(item.place, item.reason, item.detail)
            continue
        chunk.append(item)
        size += len(item.data)
        if len(chunk) >= CHUNK_ITEMS or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _find_synsets(chunk: Sequence[SourceItem], running: _Import) -> Iterator[_Proposal]:
    synsets = {synset.wnid: synset for synset in Synset.objects.filter(wnid__in={item.wnid for item in chunk})}
    for item in chunk:
        synset = synsets.get(item.wnid)
        if synset is None:
            running.refuse(item.place, "UNKNOWN_SYNSET", f"there is no synset {item.wnid}")
        elif not rules.is_safe_to_show(synset.safety):
            running.refuse(item.place, "UNSAFE_SYNSET", f"{synset} is {synset.safety}: no pictures are taken for it")
        else:
            yield _Proposal(item, synset.pk, hashlib.sha256(item.data).digest())


def _process_new_pictures(proposals: Sequence[_Proposal], processor: ImageProcessor) -> _Results:
    """What the decoder says of each picture, by digest; those that are stored already are left out."""
    known = Image.objects.filter(sha256__in={proposal.digest for proposal in proposals})
    stored = {bytes(image.sha256) for image in known if _is_stored(image)}
    new = {proposal.digest: proposal for proposal in proposals if proposal.digest not in stored}
    return {proposal.digest: result for proposal, result in processor.process_images(new.values())}


def _drop_refused(proposals: Sequence[_Proposal], results: _Results, running: _Import) -> Iterator[_Proposal]:
    for proposal in proposals:
        result = results.get(proposal.digest)
        if isinstance(result, ImageRefused):
            running.refuse(proposal.item.place, result.reason, result.detail)
        else:
            yield proposal


@transaction.atomic
def _store_chunk(proposals: Sequence[_Proposal], results: _Results, running: _Import) -> None:
    with connection.cursor() as cursor:  # two imports store in turns: they share names of files, and rows
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK_NAME])
    ids = _find_image_ids(proposals)
    new_images = {}
    for proposal in proposals:
        result = results.get(proposal.digest)
        if isinstance(result, ProcessedImage) and proposal.digest not in new_images:
            image = _build_image(proposal.item, result, running)
            _store_renditions(image, result)
            new_images[proposal.digest] = image
    Image.objects.bulk_create(image for digest, image in new_images.items() if digest not in ids)
    _add_candidates(proposals, ids, running)


def _add_candidates(proposals: Sequence[_Proposal], known: Mapping[bytes, int], running: _Import) -> None:
    ids = _find_image_ids(proposals)
    present = set(Candidate.objects.filter(image__in=ids.values()).values_list("image_id", "synset_id"))
    seen_images = set(known)
    new = []
    for proposal in proposals:
        pair = (ids[proposal.digest], proposal.synset_id)
        if proposal.digest not in seen_images:
            running.counts.images += 1
        elif pair not in present:
            running.counts.candidates += 1
        else:
            running.counts.already_there += 1
            continue
        seen_images.add(proposal.digest)
        present.add(pair)
        new.append(Candidate(image_id=pair[0], synset_id=pair[1], collected_at=running.at, prior=proposal.item.prior))
    Candidate.objects.bulk_create(new)


def _find_image_ids(proposals: Sequence[_Proposal]) -> dict[bytes, int]:
    images = Image.objects.filter(sha256__in={proposal.digest for proposal in proposals})
    return {bytes(digest): pk for digest, pk in images.values_list("sha256", "pk")}


def _build_image(item: SourceItem, processed: ProcessedImage, running: _Import) -> Image:
    with PIL.Image.open(BytesIO(processed.small), formats=["JPEG"]) as small:
        small_width, small_height = small.size
    return Image(
        sha256=processed.sha256,
        perceptual_hash=processed.perceptual_hash,
        width=processed.width,
        height=processed.height,
        small_width=small_width,
        small_height=small_height,
        source=item.source or running.defaults.source or item.place,
        author=item.author or running.defaults.author,
        licence=item.licence or running.defaults.licence,
        consent_basis=item.consent_basis or running.defaults.consent_basis,
        imported_at=running.at,
        imported_by=running.by,
    )


def _is_stored(image: Image) -> bool:
    return all(default_storage.exists(image.storage_name(rendition)) for rendition in Image.Rendition)


def _store_renditions(image: Image, processed: ProcessedImage) -> None:
    for rendition, data in ((Image.Rendition.LARGE, processed.large), (Image.Rendition.SMALL, processed.small)):
        name = image.storage_name(rendition)
        if not default_storage.exists(name):
            _store_whole(name, data)


def _store_whole(name: str, data: bytes) -> None:
    """An object store keeps whole objects only; in a folder the name appears when all bytes are on the disk."""
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        default_storage.save(name, ContentFile(data))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART_SUFFIX)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)

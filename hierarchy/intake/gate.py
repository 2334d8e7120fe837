"""What every kind of source has in common: counting, duplicates, hidden files."""

from collections.abc import Callable, Iterator

from hierarchy.intake.values import (
    IntakeLimits,
    ItemRefused,
    KnownImage,
    Refusal,
    RefusalReason,
    SourceItem,
    SourceStopped,
)


class Gate:
    """Lets the items of one source through one by one, and remembers how much that was."""

    def __init__(self, *, limits: IntakeLimits) -> None:
        self.limits = limits
        self.members = 0
        self.known_images = 0
        self.hidden = 0
        self.total_bytes = 0
        # 64-bit hashes, salted by Python for each run: a set of two million long names would need gigabytes.
        self.seen: set[int] = set()

    def take(
        self, *, place: str, key: str, read: Callable[[], SourceItem], hidden: bool = False
    ) -> Iterator[SourceItem | Refusal]:
        """The item that `read` returns, or the refusal that it raises; nothing for a hidden file, which is counted.

        `key` tells the item apart from the others of its source. Raises SourceStopped when the source exceeds a limit.
        """
        self.members += 1
        if self.members > self.limits.max_members:
            raise SourceStopped(RefusalReason.TOO_MANY_MEMBERS, f"more than {self.limits.max_members} items")
        if hidden:
            self.hidden += 1
            return
        try:
            item = self._read_once(key, read)
        except SourceStopped:
            raise
        except ItemRefused as refused:
            yield Refusal(place, refused.reason, refused.detail)
            return
        self.total_bytes += len(item.data)
        if self.total_bytes > self.limits.max_total_bytes:
            raise SourceStopped(RefusalReason.TOO_MANY_BYTES, f"more than {self.limits.max_total_bytes} bytes")
        yield item

    def take_known(self, *, place: str, read: Callable[[], KnownImage]) -> KnownImage | Refusal:
        """The same for an image without bytes. That it came before is for the database to know: nothing is remembered."""
        self.known_images += 1
        if self.known_images > self.limits.max_known_images:
            detail = f"more than {self.limits.max_known_images} known images"
            raise SourceStopped(RefusalReason.TOO_MANY_MEMBERS, detail)
        try:
            return read()
        except ItemRefused as refused:
            return Refusal(place, refused.reason, refused.detail)

    def check_size(self, size: int) -> None:
        if size > self.limits.max_item_bytes:
            detail = f"{size} bytes, at most {self.limits.max_item_bytes} are taken"
            raise ItemRefused(RefusalReason.TOO_LARGE, detail)

    def _read_once(self, key: str, read: Callable[[], SourceItem]) -> SourceItem:
        if hash(key) in self.seen:
            raise ItemRefused(RefusalReason.DUPLICATE, "the same entry occurs earlier in this source")
        item = read()
        self.seen.add(hash(key))  # only what was taken: a better line for a refused picture is no duplicate
        return item

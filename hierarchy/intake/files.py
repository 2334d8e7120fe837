"""Files below a root, from which no name leads out."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from hierarchy.intake.values import IntakeLimits, ItemRefused, RefusalReason


def read_contained(*, root: Path, name: str, limits: IntakeLimits) -> bytes:
    """The bytes of the regular file `name`, a path relative to `root` with forward slashes.

    Raises ItemRefused for an absolute path, `..`, a symbolic link at any level below the root, anything that is not a
    regular file, and more than `limits.max_item_bytes`.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise ItemRefused(RefusalReason.OUTSIDE_ROOT, f"not a path below {root}")
    try:
        with ExitStack() as opened:
            return _read(path, root=root, limits=limits, opened=opened)
    except (OSError, UnicodeEncodeError) as error:
        detail = getattr(error, "strerror", None) or "not a name that this system can open"
        raise ItemRefused(RefusalReason.UNREADABLE, detail) from error


def _read(path: PurePosixPath, *, root: Path, limits: IntakeLimits, opened: ExitStack) -> bytes:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    opened.callback(os.close, folder)
    # One level at a time, each opened relative to the one before: a link put in after the check is still not followed.
    for part in path.parts[:-1]:
        _refuse_link(part, folder=folder)
        folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        opened.callback(os.close, folder)
    _refuse_link(path.name, folder=folder)
    # Without O_NONBLOCK, opening a named pipe would wait for its writer.
    descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ItemRefused(RefusalReason.NOT_A_REGULAR_FILE, "not a regular file")
        data = file.read(limits.max_item_bytes + 1)
    if len(data) > limits.max_item_bytes:
        raise ItemRefused(RefusalReason.TOO_LARGE, f"more than {limits.max_item_bytes} bytes")
    return data


def _refuse_link(part: str, *, folder: int) -> None:
    if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
        raise ItemRefused(RefusalReason.NOT_A_REGULAR_FILE, "a symbolic link")

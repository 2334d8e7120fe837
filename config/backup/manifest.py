"""What a backup says of itself: manifest.json, written last."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.backup.errors import BackupError

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`taken_at`: the moment of the database's snapshot (ISO 8601). `rows` by table, as of that moment. `roles`: who was granted
    something in the database. `migrations`: app.name of all that had been applied. `list_sha256`: of the list of files."""

    taken_at: str
    postgresql: str
    migrations: list[str]
    roles: list[str]
    rows: dict[str, int]
    files: int
    bytes: int
    list_sha256: str


def write_manifest(folder: Path, manifest: Manifest) -> None:
    values = {"format": FORMAT, **asdict(manifest)}
    text = json.dumps({**values, "sha256": _digest(values)}, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """BackupError where there is none, where it is damaged, or of a format that this version does not know."""
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        form, digest = values.pop("format"), values.pop("sha256")
    except FileNotFoundError as error:
        raise BackupError(f"{folder} is no backup: it has no {MANIFEST}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(f"{path} is damaged") from error
    if form != FORMAT:
        raise BackupError(
            f"{path} has format {form}; this version reads format {FORMAT}. Use the version that wrote it."
        )
    if digest != _digest({"format": form, **values}):
        raise BackupError(f"{path} is damaged: its checksum differs")
    return Manifest(**values)


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

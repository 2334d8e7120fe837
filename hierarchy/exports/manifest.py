"""The manifest of a release: what its files hold and how to check them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hierarchy.exports.labels import COLUMNS, LabelCounts, WrittenFile, write_time

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"


def make_manifest(
    *, name: str, frozen_at: datetime, counts: LabelCounts, files: Sequence[WrittenFile]
) -> dict[str, Any]:
    """The manifest as JSON values. It says nothing of when or where it was built: the same labels, the same manifest."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "frozen_at": write_time(frozen_at),
        "columns": list(COLUMNS),
        "labels": counts.rows,
        "synsets": counts.synsets,
        "by_verdict": dict(counts.by_verdict),
        "by_source": dict(counts.by_source),
        "withheld": counts.withheld,
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.name)],
    }


def encode_manifest(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"


def describe_manifest_file(encoded: bytes) -> WrittenFile:
    """The manifest as a file of its release; it holds no rows."""
    return WrittenFile(MANIFEST_NAME, len(encoded), 0, hashlib.sha256(encoded).hexdigest())

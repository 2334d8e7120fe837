"""python -m benchmarks.scale.importing MANIFEST READY GO: `import_images` of a manifest, begun on a sign.

Makes the file READY when it is about to begin, and begins when GO is there: what starting takes is not measured. Prints nothing.
"""

import io
import sys
import time
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

POLL_SECONDS = 0.02


def main() -> None:
    manifest, ready, go = map(Path, sys.argv[1:])
    django.setup()
    connection.ensure_connection()
    ready.touch()
    while not go.exists():
        time.sleep(POLL_SECONDS)
    call_command("import_images", manifest, report=manifest.with_suffix(".refused"), stdout=io.StringIO())


if __name__ == "__main__":
    main()

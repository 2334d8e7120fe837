"""Programs started for one measurement each, so that neither memory nor libraries are shared."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]


class ChildError(RuntimeError):
    """The program failed; the text is the last line it wrote."""


class ChildTimeout(ChildError):
    """The program was stopped because it took too long."""


def run_child(*arguments: str, seconds: float | None = None) -> dict[str, Any]:
    """The JSON object that `python -m ARGUMENTS` prints. ChildTimeout after `seconds`, ChildError where it fails."""
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise ChildTimeout(f"{' '.join(arguments)}: took more than {seconds:g} s") from error
    if done.returncode:
        raise ChildError(f"{' '.join(arguments)}: {(done.stderr.strip() or 'no output').splitlines()[-1]}")
    content: dict[str, Any] = json.loads(done.stdout)
    return content

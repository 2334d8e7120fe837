"""python -m config.texts update|check|compile"""

import argparse
import sys
from pathlib import Path

from config.texts.catalogues import compile_catalogues, find_faults, list_catalogues, update_catalogue
from config.texts.sources import find_texts

ROOT = Path(__file__).resolve().parents[2]


def update() -> int:
    texts = find_texts(ROOT)
    for path in list_catalogues(ROOT):
        waiting = update_catalogue(path, texts)
        print(f"{path.relative_to(ROOT)}: {waiting} to translate")
    compile_catalogues(ROOT)
    return 0


def check() -> int:
    texts = find_texts(ROOT)
    faults = [
        f"{path.relative_to(ROOT)}: {fault}" for path in list_catalogues(ROOT) for fault in find_faults(path, texts)
    ]
    if faults:
        print(*faults, "Run make messages and fill in what is empty.", sep="\n", file=sys.stderr)
    return bool(faults)


def compile_all() -> int:
    compile_catalogues(ROOT)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m config.texts", description="The texts people read, by language.")
    steps = {"update": update, "check": check, "compile": compile_all}
    parser.add_argument(
        "step", choices=steps, help="update: add new texts; check: is all translated; compile: for gettext"
    )
    sys.exit(steps[parser.parse_args().step]())

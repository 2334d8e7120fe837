"""python -m tests.functional.prepare NAME MANIFEST [--demo] [--policy ...] [--annotators N]

In the environment of a service: imports pictures, opens a campaign over them, makes accounts; prints their tokens as JSON.
All in one process, because each start of manage.py takes a second.
"""

import argparse
import json
import sys
from pathlib import Path

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 (after the settings)
from django.core.management import call_command  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from annotation.actions import accounts, demo  # noqa: E402
from tests.functional.pictures import read_truths  # noqa: E402

PASSWORD = "correct horse battery staple"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--demo", action="store_true", help="as the demo's campaign, with gold")
    parser.add_argument("--policy", default="")
    parser.add_argument("--annotators", type=int, default=0)
    options = parser.parse_args()
    folder = options.manifest.parent
    call_command("import_images", options.manifest, root=folder, report=folder / "refused.csv", stdout=sys.stderr)
    tokens = {"curator": make_account(f"{options.name}-curator", "curator", "curate")}
    _open_campaign(options)
    for number in range(1, options.annotators + 1):
        tokens[str(number)] = make_account(f"{options.name}-{number}", "annotator", "annotate")
    print(json.dumps(tokens))


def make_account(name: str, role: str, scope: str) -> str:
    user = accounts.create_user(username=name, password=PASSWORD, role=role, by=None, at=now())
    return accounts.create_token(user=user, scope=scope, by=user, at=now())[1]


def _open_campaign(options) -> None:
    truths = read_truths(options.manifest)
    wnids = list(dict.fromkeys(wnid for wnid, _ in truths))
    curator = f"{options.name}-curator"
    if options.demo:
        by = User.objects.get(username=curator)
        demo.open_demo(name=options.name, wnids=wnids, truths=truths, instructions="", by=by, at=now())
    else:
        call_command(
            "open_campaign",
            options.name,
            username=curator,
            synsets=",".join(wnids),
            policy=options.policy,
            stdout=sys.stderr,
        )


if __name__ == "__main__":
    main()

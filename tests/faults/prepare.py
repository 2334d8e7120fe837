"""In the environment of a service: python -m tests.faults.prepare people MANIFEST NUMBER | open NAME POLICY SYNSETS

people: imports the pictures, makes a curator and so many annotators, prints their tokens as JSON. open: closes whatever campaign is
open and opens another, over the same pictures.
"""

import json
import sys
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402 (after the settings)
from django.utils.timezone import now  # noqa: E402

from annotation.actions import campaigns  # noqa: E402
from annotation.management.accounts import find_user  # noqa: E402
from annotation.models import Campaign  # noqa: E402
from tests.functional.prepare import make_account  # noqa: E402

CURATOR = "faults-curator"


def make_people(manifest: str, number: str) -> None:
    folder = Path(manifest).parent
    call_command("import_images", manifest, root=folder, report=folder / "refused.csv", stdout=sys.stderr)
    make_account(CURATOR, "curator", "curate")
    names = [f"faults-{count}" for count in range(1, int(number) + 1)]
    print(json.dumps([make_account(name, "annotator", "annotate") for name in names]))


def open_campaign(name: str, policy: str, synsets: str) -> None:
    for open_one in Campaign.objects.filter(state=Campaign.State.OPEN):
        campaigns.close_campaign(name=open_one.name, by=find_user(CURATOR), at=now())
    call_command("open_campaign", name, username=CURATOR, synsets=synsets, policy=policy, stdout=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1] == "people":
        make_people(*sys.argv[2:])
    else:
        open_campaign(*sys.argv[2:])

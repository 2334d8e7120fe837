import csv
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.crypto import get_random_string
from django.utils.timezone import now

from annotation.actions import accounts, demo
from annotation.management.demo import CAMPAIGN, CANDIDATES, read_truths
from annotation.models import Campaign
from hierarchy.models import WordNetImport

ACCOUNTS = (("annotator", "annotator"), ("curator", "curator"))
ATTRIBUTION = "The pictures are drawings, not photographs: a synset is shown when its thing is drawn."


class Command(BaseCommand):
    help = "Imports WordNet and the demo's pictures, makes the demo's accounts, opens its campaign. Harmless when repeated."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wordnet", type=Path, required=True, help="folder or file with the nouns of WordNet 3.0")
        parser.add_argument("--pictures", type=Path, required=True, help="folder with the demo's pictures")

    def handle(self, *args: Any, **options: Any) -> None:
        if not WordNetImport.objects.exists():
            call_command("import_wordnet", options["wordnet"])
        if not Campaign.objects.filter(name=CAMPAIGN).exists():
            call_command("import_images", CANDIDATES, root=options["pictures"])
        passwords = self._make_accounts()
        self._open_campaign()
        for username, password in passwords.items():
            self.stdout.write(f"Demo account: {username} / {password}")

    def _make_accounts(self) -> dict[str, str]:
        """Passwords are made once and kept beside the pictures, readable by their owner alone."""
        file = Path(settings.MEDIA_ROOT).parent / "demo_accounts.json"
        passwords: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        for username, role in ACCOUNTS:
            password = passwords.setdefault(username, get_random_string(16))
            if not User.objects.filter(username=username).exists():
                accounts.create_user(username=username, password=password, role=role, by=None, at=now())
        file.touch(mode=0o600)
        file.write_text(json.dumps(passwords))
        return passwords

    def _open_campaign(self) -> None:
        with CANDIDATES.open(newline="", encoding="utf-8") as stream:
            wnids = [row["wnid"] for row in csv.DictReader(stream)]
        curator = User.objects.get(username="curator")
        campaign = demo.open_demo(
            name=CAMPAIGN, wnids=wnids, truths=read_truths(), instructions=ATTRIBUTION, by=curator, at=now()
        )
        self.stdout.write(f"Campaign {campaign.name} is {campaign.get_state_display()}.")

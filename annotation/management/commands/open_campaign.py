import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.timezone import now

from annotation.actions import campaigns
from annotation.actions.campaign_ranges import StepFailed, carry_on
from annotation.actions.training import change_training
from annotation.management.accounts import find_user
from annotation.models import Campaign, CampaignRange
from annotation.rules import PolicyValues, TrainingValues
from hierarchy.errors import DomainError

WAIT_SECONDS, TELL_SECONDS = 0.2, 5.0
TRAINING_KINDS = {field.name: int for field in fields(TrainingValues) if field.name != "active"}
KINDS = {field.name: float if isinstance(field.default, float) else int for field in fields(PolicyValues)}


class Command(BaseCommand):
    help = (
        "Opens a campaign; drafts it first if there is none of that name. Either both or nothing. Where there are many candidates it "
        "waits until all are asked about; cut off, workers go on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--as", dest="username", required=True, help="the curator who opens it")
        draft = parser.add_argument_group("of a new campaign")
        draft.add_argument("--synsets", help="WNID,WNID,... or @FILE with one wnid a line, in the order of serving")
        draft.add_argument("--title", help="the name where left out")
        draft.add_argument(
            "--training",
            nargs="?",
            const="",
            help=f"asks annotators for a training first; key=value,... of {', '.join(TRAINING_KINDS)}",
        )
        draft.add_argument("--policy", help=f"key=value,... of {', '.join(KINDS)}")

    def handle(self, *args: Any, name: str, username: str, **options: Any) -> None:
        by = find_user(username)
        try:
            with transaction.atomic():
                _draft(name, by, synsets=options["synsets"], title=options["title"], policy=options["policy"])
                campaign = campaigns.open_campaign(name=name, by=by, at=now())
                if options["training"] is not None:
                    training = _read_training(options["training"])
                    change_training(name=name, values=training, by=by, at=now())
        except DomainError as error:
            raise CommandError(error.detail) from error
        self._finish(campaign)
        campaign.refresh_from_db()
        found = f"{campaign.synsets.count()} synsets, {campaign.questions.count()} questions"
        self.stdout.write(f"{name} is {campaign.get_state_display()}: {found}")

    def _finish(self, campaign: Campaign) -> None:
        """Workers may be at it, too."""
        told = time.monotonic()
        while (part := campaign.ranges.filter(kind=CampaignRange.Kind.ASK).first()) is not None:
            if not self._take_step(campaign):
                time.sleep(WAIT_SECONDS)
            if time.monotonic() > told + TELL_SECONDS:
                told = time.monotonic()
                self.stderr.write(f"{campaign.name}: {part.percent} % of its candidates are asked about")

    def _take_step(self, campaign: Campaign) -> bool:
        try:
            return carry_on(at=now(), campaign=campaign)
        except StepFailed as error:
            raise CommandError(
                f"{campaign.name} is open, but not whole yet; workers go on: {error.__cause__}"
            ) from error


def _draft(name: str, by: User, *, synsets: str | None, title: str | None, policy: str | None) -> None:
    if Campaign.objects.filter(name=name).exists():
        if synsets or title or policy:
            raise CommandError(f"Campaign {name} exists: leave out --synsets, --title and --policy to open it.")
        return
    if not synsets:
        raise CommandError(f"There is no campaign {name} yet: say its --synsets.")
    campaigns.draft_campaign(
        name=name, title=title or name, wnids=_read_wnids(synsets), policy=_read_policy(policy or ""), by=by, at=now()
    )


def _read_wnids(text: str) -> list[str]:
    if not text.startswith("@"):
        if not text.isascii():
            raise CommandError(f"--synsets: {text!a} has letters that no wnid has")
        return [wnid.strip() for wnid in text.split(",") if wnid.strip()]
    try:
        lines = Path(text[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--synsets: {text[1:]} cannot be read: {error}") from error
    return [line.strip() for line in lines if line.strip()]


def _read_policy(text: str) -> PolicyValues:
    return PolicyValues(**_read_values("--policy", text, KINDS))


def _read_training(text: str) -> TrainingValues:
    return TrainingValues(**_read_values("--training", text, TRAINING_KINDS))


def _read_values(option: str, text: str, kinds: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = part.partition("=")
        if key not in kinds or key in values:
            raise CommandError(f"{option}: {part!r} is not one of {', '.join(kinds)} with a value, given once")
        try:
            values[key] = _read_number(kinds[key], value)
        except ValueError as error:
            raise CommandError(f"{option}: {key} must be a number, not {value!a}") from error
    return values


def _read_number(kind: Callable[[str], Any], value: str) -> Any:
    if not value.isascii() or "_" in value:  # Python's own readers take both
        raise ValueError(value)
    return kind(value)

import threading
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import requests
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.crypto import get_random_string
from django.utils.timezone import now

from annotation.actions import accounts
from annotation.management.crowd import (
    ANSWER_SECONDS,
    SKILLS,
    Client,
    CrowdError,
    SimulatedAnnotator,
    Tally,
    ask_database,
)
from annotation.management.demo import CAMPAIGN, CANDIDATES, read_truths
from annotation.models import ApiToken
from annotation.queries.campaigns import Progress, count_progress, find_campaign
from annotation.queries.disputes import find_dispute
from annotation.queries.truths import Truths, find_page_truths, score_questions
from hierarchy.errors import DomainError

POLL_SECONDS = 1.0
# No question finished for so long: the crowd cannot go on (too few annotators, or no worker runs).
STILL_SECONDS = 90.0


class Command(BaseCommand):
    help = "Drives a running service over HTTP with annotators of known accuracy, and scores the labels."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="where the service answers, for example http://localhost:8000")
        parser.add_argument("--annotators", type=int, default=12)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--campaign", default=CAMPAIGN)
        parser.add_argument("--truth", type=Path, default=CANDIDATES, help="CSV with wnid, sha256 and truth")
        parser.add_argument("--no-settle", action="store_true", help="leave the disputes to people")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["annotators"] < 1:
            raise CommandError("--annotators must be at least 1")
        _check_url(options["url"])
        tokens: list[ApiToken] = []
        try:
            truths = read_truths(options["truth"])
            self._simulate(options, truths, tokens)
        except (DomainError, CrowdError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        finally:
            for token in tokens:
                ask_database(partial(accounts.revoke_token, token_id=token.pk, by=token.user, at=now()))

    def _simulate(self, options: dict[str, Any], truths: Truths, tokens: list[ApiToken]) -> None:
        tally = Tally()
        crowd = [
            self._make_annotator(number, options, truths, tally, tokens) for number in range(options["annotators"])
        ]
        progress = self._drive(crowd, options["campaign"])
        self.stdout.write(
            f"votes {tally.votes:,} on {tally.pages:,} pages; requests repeated {tally.repeated}, "
            f"annotators barred {tally.refused}"
        )
        self._report("crowd", options["campaign"], truths, progress)
        if not options["no_settle"]:
            curator = self._open_client(f"crowd-{options['seed']}-curator", "curator", "curate", options, tally, tokens)
            settled = self._settle(curator, options["campaign"], truths)
            self.stdout.write(f"disputes settled by a simulated curator {settled}")
            progress = ask_database(lambda: count_progress(find_campaign(options["campaign"])))
            self._report("with the curator", options["campaign"], truths, progress)

    def _make_annotator(
        self, number: int, options: dict[str, Any], truths: Truths, tally: Tally, tokens: list[ApiToken]
    ) -> SimulatedAnnotator:
        name = f"crowd-{options['seed']}-{number + 1}"
        return SimulatedAnnotator(
            client=self._open_client(name, "annotator", "annotate", options, tally, tokens),
            skill=SKILLS[number % len(SKILLS)],
            seed=name,
            campaign=options["campaign"],
            find_truths=lambda batch: find_page_truths(UUID(batch), truths),
        )

    def _open_client(
        self, name: str, role: str, scope: str, options: dict[str, Any], tally: Tally, tokens: list[ApiToken]
    ) -> Client:
        user = User.objects.filter(username=name).first() or accounts.create_user(
            username=name, password=get_random_string(24), role=role, by=None, at=now()
        )
        token, key = accounts.create_token(user=user, scope=scope, by=None, at=now())
        tokens.append(token)
        return Client(url=options["url"], token=key, tally=tally)

    def _drive(self, crowd: list[SimulatedAnnotator], name: str) -> Progress:
        is_over = threading.Event()
        with ThreadPoolExecutor(len(crowd)) as pool:
            working = [pool.submit(_work, annotator, is_over) for annotator in crowd]
            try:
                progress = self._wait(name, working)
            finally:
                is_over.set()
            for future in working:
                future.result()
        return progress

    def _wait(self, name: str, working: list[Any]) -> Progress:
        campaign = ask_database(lambda: find_campaign(name))
        seen, since = -1, time.monotonic()
        while True:
            progress = ask_database(lambda: count_progress(campaign))
            # One that is done before the others was barred, or failed: then it says so when it is asked.
            for future in working:
                if future.done():
                    future.result()
            if progress.open == 0 or all(future.done() for future in working):
                return progress
            if progress.votes != seen:
                seen, since = progress.votes, time.monotonic()
                self.stderr.write(f"{progress.finished} of {progress.questions} finished, {progress.votes} votes")
            elif time.monotonic() - since > STILL_SECONDS:
                raise CommandError(f"{progress.open} questions stay open and no votes come: is a worker running?")
            time.sleep(POLL_SECONDS)

    def _settle(self, curator: Client, campaign: str, truths: Truths) -> int:
        settled, path_of_all = 0, f"/api/v1/disputes/?{urlencode({'campaign': campaign})}"
        while results := curator.request("GET", path_of_all, accept=(200,)).json()["results"]:
            for found in results:
                truth = truths[ask_database(partial(_find_pair, found["id"]))]
                decision = {
                    "verdict": "ACCEPTED" if truth == "YES" else "REJECTED",
                    "reason": "known to the simulation",
                    "version": found["version"],
                }
                path = f"/api/v1/disputes/{found['id']}/decision/"
                settled += curator.request("POST", path, json=decision, accept=(200, 409)).status_code == 200
        return settled

    def _report(self, stage: str, campaign: str, truths: Truths, progress: Progress) -> None:
        score = ask_database(lambda: score_questions(campaign, truths))
        per_question = progress.votes / progress.questions if progress.questions else 0.0
        self.stdout.write(
            f"{stage}: questions {progress.questions} (gold {progress.gold} beside them), accepted {progress.accepted}, "
            f"rejected {progress.rejected}, disputed {progress.disputed}, open {progress.open}; "
            f"precision {_show(score.precision)}, recall {_show(score.recall)}, votes per question {per_question:.2f}"
        )


def _work(annotator: SimulatedAnnotator, is_over: threading.Event) -> None:
    try:
        annotator.work_until(is_over)
    finally:
        connection.close()


def _find_pair(dispute: int) -> tuple[str, str]:
    question = find_dispute(dispute).question
    return question.synset.wnid, question.candidate.image.sha256_hex


def _check_url(url: str) -> None:
    """CommandError unless a service answers there."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise CommandError(f"--url: {url!r} is no URL: {error}") from error
    if not is_web:
        raise CommandError(f"--url: {url!r} is not http://host:port or https://host:port")
    try:
        requests.get(f"{url.rstrip('/')}/livez", timeout=ANSWER_SECONDS).raise_for_status()
    except requests.RequestException as error:
        raise CommandError(f"--url: no service answers there: {error}") from error


def _show(share: float | None) -> str:
    return "-" if share is None else f"{share:.4f}"

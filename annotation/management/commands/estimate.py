import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.timezone import now

from annotation.actions import estimates, estimation
from annotation.actions.estimation import Work
from annotation.models import Campaign, Estimation
from annotation.queries.campaigns import find_campaign
from annotation.queries.measurements import list_measurements
from annotation.queries.rescoring import Scored, count_scored
from hierarchy.errors import DomainError

WAIT_SECONDS = 0.1
# Between two lines of progress.
SHOW_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Learns annotators' skills and the rules' thresholds from all votes, publishes them as a snapshot and scores"
        " questions again under it. It needs no worker; those that run help. An estimation that is running is joined."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--campaign",
            help="score and report only this one now; votes of all campaigns teach, and workers score the others",
        )

    def handle(self, *args: Any, campaign: str | None, **options: Any) -> None:
        try:
            chosen = find_campaign(campaign) if campaign else None
            done = self._estimate()
        except DomainError as error:
            raise CommandError(error.detail) from error
        if done.status == Estimation.Status.FAILED:
            raise CommandError(f"The estimation failed: {done.reason}")
        if done.snapshot is None:
            self.stdout.write(f"No snapshot is published: {done.reason}")
            return
        self._report_snapshot(done)
        self._score(chosen)
        self._report_measurements(done, chosen)

    def _estimate(self) -> Estimation:
        running = estimation.find_running()
        if running is None:
            shards = estimation.choose_shards(most=settings.ESTIMATION_SHARDS)
            running = estimation.begin_estimation(shards=shards, by=None, at=now())
        else:
            self.stderr.write(f"joining estimation {running.pk}, which began at {running.started_at:%Y-%m-%d %H:%M:%S}")
        while running.status == Estimation.Status.RUNNING:
            self._show_progress(running)
            self._work(until=time.monotonic() + SHOW_SECONDS)
            running = estimation.find_estimation(running.pk)
        return running

    def _work(self, *, until: float) -> None:
        while time.monotonic() < until:
            work = estimation.work_once(at=now())
            if work == Work.IDLE:
                return
            if work == Work.WAITING:
                time.sleep(WAIT_SECONDS)

    def _show_progress(self, running: Estimation) -> None:
        line = f"{running.get_stage_display()}: round {running.rounds}, pass {running.passes}"
        if running.stage == Estimation.Stage.RULES:
            line += f", {len(running.rules)} rules"
        self.stderr.write(line)

    def _report_snapshot(self, done: Estimation) -> None:
        snapshot = done.snapshot
        assert snapshot is not None
        report = snapshot.report
        self.stdout.write(
            f"snapshot {snapshot.pk} (before: {done.based_on_id}): {snapshot.votes:,} votes on {snapshot.questions:,}"
            f" questions, {snapshot.gold:,} gold; {report['blind_rounds']} rounds without truth, {snapshot.rounds} with it"
        )
        if report["gold_loss"] is not None:
            kept = "kept" if report["synset_shares_kept"] else "not kept"
            self.stdout.write(
                f"held-out loss on gold: {report['gold_loss']:.3f} nats a question,"
                f" {report['synset_loss']:.3f} with shares of synsets: {kept}"
            )
        before = {(rule["target_error"], rule["vote_cap"]): rule for rule in done.based_on.rules}
        for rule in snapshot.rules:
            earlier = before.get((rule["target_error"], rule["vote_cap"]))
            self.stdout.write(_describe_rule(rule, earlier))
        if not snapshot.rules:
            self.stdout.write("no gold has votes: thresholds are the cautious ones")

    def _score(self, chosen: Campaign | None) -> None:
        campaign_id = chosen.pk if chosen else None
        before, claimed = count_scored(campaign_id=campaign_id), 0
        while count := estimates.estimate_due(at=now(), campaign_id=campaign_id):
            claimed += count
        after = count_scored(campaign_id=campaign_id)
        self.stdout.write(f"{claimed:,} questions scored: " + _describe_change(before, after))

    def _report_measurements(self, done: Estimation, chosen: Campaign | None) -> None:
        assert done.snapshot is not None
        for found in list_measurements(snapshot=done.snapshot, campaign_id=chosen.pk if chosen else None):
            name = found.campaign.name + (f" {found.synset.wnid}" if found.synset else "")
            self.stdout.write(f"{name}: {_describe_values(found.values)}")


def _describe_rule(rule: dict[str, Any], earlier: dict[str, Any] | None) -> str:
    parts = []
    for side in ("accept", "reject"):
        was = f" (was {earlier[side]['tolerance']:.3f})" if earlier else ""
        found = rule[side]
        parts.append(
            f"{side} up to {found['tolerance']:.3f}{was}, {found['wrong']:.1f} wrong of {found['decided']:.1f},"
            f" at most {found['highest_error']:.3f}"
        )
    return f"target {rule['target_error']:g}, cap {rule['vote_cap']}, on {rule['gold']} gold: {'; '.join(parts)}"


def _describe_change(before: Scored, after: Scored) -> str:
    return (
        f"{after.accepted - before.accepted:,} more accepted, {after.rejected - before.rejected:,} more rejected,"
        f" {after.disputed - before.disputed:,} more disputed; {after.flips - before.flips:,} labels sent to a curator"
    )


def _describe_values(values: dict[str, Any]) -> str:
    states = ("questions", "accepted", "rejected", "disputed")
    parts = [
        ", ".join(f"{values[state]:,} {state}" for state in states),
        _show("votes per question", values["votes_per_question"]),
        _show("per accepted", values["votes_per_accepted"]),
        _show("curator load", values["curator_load"]),
        _show("alpha", values["alpha_nominal"]),
        _show("ordinal", values["alpha_ordinal"]),
    ]
    for name, score in (("gold", values["on_gold"]), ("known", values["on_known"])):
        if score is not None:
            rates = ", ".join(_show_rate(rate, score[rate]) for rate in ("precision", "recall", "error"))
            parts.append(
                f"on {score['questions']} {name}: {rates}, {_show('ECE', score['ece'])}, {_show('NLL', score['nll'])}"
            )
    return "; ".join(parts)


def _show(name: str, value: float | None) -> str:
    return f"{name} -" if value is None else f"{name} {value:.3f}"


def _show_rate(name: str, rate: dict[str, Any]) -> str:
    return f"{_show(name, rate['value'])} ({rate['low']:.3f} to {rate['high']:.3f}, {rate['hits']}/{rate['trials']})"

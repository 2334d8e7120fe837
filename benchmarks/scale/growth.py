"""What several hosts do in the time of one: pages over HTTP, an estimation, intake. Needs Django set up."""

import csv
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from celery import current_app
from django.conf import settings
from django.db.models import Count

from annotation.actions.estimation import begin_estimation
from annotation.models import Vote
from annotation.tasks import estimate_due_questions
from benchmarks.images import draw
from benchmarks.rows import read_clock
from benchmarks.scale import newcomers
from benchmarks.scale.estimating import StageClock, describe_worker, follow, follow_rescoring
from benchmarks.scale.load import ANNOTATORS, CLIENTS, PAGE, summarize
from benchmarks.scale.network import INTERFACE, Host, slow_down
from benchmarks.scale.servers import Progress, describe_remote
from config.embedded.folders import make_private_folder
from config.embedded.process import Child, Command, StartError, start_child
from config.embedded.programs import CHECKOUT, Address, answers, describe_services
from hierarchy.models import Candidate, Synset

PORT = 8000
READY_SECONDS = 180.0
POLL_SECONDS = 0.05
WARM_UP_SECONDS = 3.0


@dataclass(frozen=True)
class Plant:
    """The service's folder, and hosts that share it as they would a network file system. Each gets `share` of a core."""

    home: Path
    hosts: Sequence[Host]
    share: float
    progress: Progress

    def take(self, count: int) -> "Plant":
        """Only the first of the hosts."""
        return replace(self, hosts=self.hosts[:count])

    def find_logs(self, host: Host) -> Path:
        make_private_folder(self.home / host.name)
        return make_private_folder(self.home / host.name / "log")

    def start(self, host: Host, command: Command) -> Child:
        """In the host, which knows the servers by their address on the network."""
        variables = {**command.environment, **describe_remote(INTERFACE), "ALLOWED_HOSTS": host.address}
        # Without its compiled modules each process takes seconds longer to start.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        return start_child(command=host.place(replace(command, environment=variables)))

    @contextmanager
    def time(self, found: dict[str, Any]) -> Iterator[None]:
        """Hosts are slow while the block runs; `found` gets its seconds, and processor seconds of each host."""
        before = [host.read_processor_seconds() for host in self.hosts]
        with slow_down(self.hosts, share=self.share):
            start = time.perf_counter()
            yield
            found["seconds"] = time.perf_counter() - start
        found["processor_seconds"] = [
            round(host.read_processor_seconds() - taken, 2) for host, taken in zip(self.hosts, before, strict=True)
        ]


def measure_web(plant: Plant, *, seconds: float) -> dict[str, Any]:
    """Annotators dealt out to the hosts, each with one web process. Votes are not estimated meanwhile, but after it."""
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        for host in plant.hosts:
            stack.callback(_start_web(plant, host).stop)
        addresses = [(host.address, PORT) for host in plant.hosts]
        _wait_until(lambda: all(answers(Address(*address)) for address in addresses), "web servers do not answer")
        _answer_pages(addresses, WARM_UP_SECONDS)
        with plant.time(found):
            annotators, answer = _answer_pages(addresses, seconds)
    _estimate_what_is_due(plant)
    kept = dict(
        Vote.objects.filter(annotator__in=annotators)
        .values_list("annotator")
        .annotate(Count("question", distinct=True))
    )
    by_host = [slice(number, None, len(addresses)) for number in range(len(addresses))]
    figures = summarize(answer)
    plant.progress(f"{len(plant.hosts)} web: {figures['votes_per_second']:.0f} votes/s")
    return (
        found
        | {name: figures[name] for name in ("votes_per_second", "lease_p50_ms", "lease_p99_ms", "refused", "exhausted")}
        | {
            "votes_confirmed": [sum(answer["votes"][part]) for part in by_host],
            "votes_kept": [sum(kept.get(annotator.pk, 0) for annotator in annotators[part]) for part in by_host],
            "rows": Vote.objects.filter(annotator__in=annotators).count(),
        }
    )


def _start_web(plant: Plant, host: Host) -> Child:
    folder = plant.find_logs(host).parent
    web, *_ = describe_services(folder=folder, address=Address(host.address, PORT), variables=os.environ, web_workers=1)
    return plant.start(host, web)


def _answer_pages(addresses: Sequence[tuple[str, int]], seconds: float) -> tuple[list[Any], dict[str, Any]]:
    annotators = newcomers.make_newcomers(ANNOTATORS)
    order = {
        "addresses": addresses,
        "tokens": newcomers.give_tokens(annotators),
        "campaign": newcomers.CAMPAIGN,
        "size": PAGE,
        "seconds": seconds,
        "pages_per_second": None,
    }
    done = subprocess.run(CLIENTS, input=json.dumps(order), capture_output=True, text=True, check=True, cwd=CHECKOUT)
    return annotators, json.loads(done.stdout)


def _estimate_what_is_due(plant: Plant) -> None:
    """By a worker of this machine, so that no measurement finds what another one left."""
    helper = start_child(command=describe_worker("helper", plant.home, 1, "celery"))
    try:
        _wait_until(lambda: _count_workers() == 1, "the helping worker does not answer")
        estimate_due_questions.delay()
        newcomers.wait_until_estimated()
    finally:
        helper.stop()


def measure_estimation(plant: Plant) -> dict[str, Any]:
    """Begun when a worker of one process is ready in each host; over when every open question has been scored again."""
    found: dict[str, Any] = {}
    workers = len(plant.hosts)
    with ExitStack() as stack:
        for host in plant.hosts:
            command = describe_worker(host.name, plant.find_logs(host), 1, "celery,estimation")
            stack.callback(plant.start(host, command).stop)
        _wait_until(lambda: _count_workers() == workers, "workers do not answer")
        with plant.time(found):
            clock = StageClock()
            begun = begin_estimation(shards=settings.ESTIMATION_SHARDS, by=None, at=read_clock())
            done = follow(begun, clock, workers, lambda _: None)
            clock.enter("rescoring")
            follow_rescoring(workers, lambda _: None)
            clock.enter("")
        tasks = _count_tasks(plant)
    plant.progress(f"{workers} workers: {found['seconds']:.1f} s for an estimation")
    return found | {
        "result": done.reason or f"snapshot {done.snapshot_id}",
        "stages": clock.describe("wall"),
        "votes": done.votes,
        "shards": done.shards,
        "passes": done.passes,
        "tasks": tasks,
    }


def _count_tasks(plant: Plant) -> list[int]:
    """Done by the worker of each host since it began."""
    stats: dict[str, Any] = current_app.control.inspect(timeout=5.0).stats() or {}
    return [sum(stats.get(f"{host.name}@scale", {}).get("total", {}).values()) for host in plant.hosts]


def _count_workers() -> int:
    return len(current_app.control.ping(timeout=1.0) or ())


def measure_intake(plant: Plant, *, pictures: int, seed: int) -> dict[str, Any]:
    """So many new pictures in each host, with one command; the start of its decoding processes is part of it."""
    found: dict[str, Any] = {}
    count = Candidate.objects.count()
    with TemporaryDirectory(prefix="veriset-intake-") as name, ExitStack() as stack:
        folder = Path(name)
        manifests = _write_manifests(folder, hosts=len(plant.hosts), pictures=pictures, seed=seed)
        ready = [manifest.with_suffix(".ready") for manifest in manifests]
        importing = [
            plant.start(host, _describe_import(plant.find_logs(host), manifest, signal, folder / "go"))
            for host, manifest, signal in zip(plant.hosts, manifests, ready, strict=True)
        ]
        for child in importing:
            stack.callback(child.stop)
        _wait_until(lambda: all(signal.exists() for signal in ready), "imports do not begin")
        with plant.time(found):
            (folder / "go").touch()
            _wait_until(lambda: all(child.has_ended() for child in importing), "imports do not end")
    found["pictures"] = Candidate.objects.count() - count
    found["pictures_per_second"] = found["pictures"] / found["seconds"]
    plant.progress(f"{len(plant.hosts)} imports: {found['pictures_per_second']:.1f} pictures/s")
    return found


def _describe_import(logs: Path, manifest: Path, ready: Path, go: Path) -> Command:
    module = ("benchmarks.scale.importing", str(manifest), str(ready), str(go))
    return Command(
        name="import",
        arguments=(CLIENTS[0], "-m", *module),
        environment=os.environ,
        log=logs / "import.log",
        folder=CHECKOUT,
    )


def _write_manifests(folder: Path, *, hosts: int, pictures: int, seed: int) -> list[Path]:
    """One for each host, of pictures that no other run has drawn."""
    wnids = list(Synset.objects.order_by("pk").values_list("wnid", flat=True)[:100])
    # Not forked: this process has threads, and a handler of its own for the signal that ends a pool.
    with get_context("spawn").Pool() as pool:
        drawn = pool.map(draw, range(seed, seed + hosts * pictures))
    manifests = []
    for number in range(hosts):
        manifest = folder / f"{number}.csv"
        with manifest.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("file", "wnid"))
            for place, picture in enumerate(drawn[number::hosts]):
                (folder / picture.name).write_bytes(picture.data)
                rows.writerow((picture.name, wnids[place % len(wnids)]))
        manifests.append(manifest)
    return manifests


def _wait_until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise StartError(f"{complaint} after {READY_SECONDS:.0f} s; see the hosts' logs")
        time.sleep(POLL_SECONDS)


def compare(runs: Mapping[str, Mapping[str, Any]], rate: Callable[[Mapping[str, Any]], float]) -> dict[str, float]:
    """Each number of hosts against the first."""
    first = rate(next(iter(runs.values())))
    return {hosts: round(rate(run) / first, 2) if first else 0.0 for hosts, run in runs.items()}

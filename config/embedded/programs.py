"""The processes of the service itself: web, worker, beat, and who answers Prometheus."""

import http.client
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.embedded.folders import place_counters
from config.embedded.process import Command

CHECKOUT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 5.0
ANSWER_SECONDS = 2.0
LOG_CONFIG = ("--log-config", str(CHECKOUT / "config" / "granian.json"))
SERVE_METRICS = ("manage", "serve_metrics")
# Name, arguments of Python's -m, death signal, stop signals.
Description = tuple[str, tuple[str, ...], signal.Signals, tuple[signal.Signals, ...]]
# As in the Dockerfile: Python runs on one core for each process.
WEB_WORKERS = 2
# As there, too: these let requests in and refuse them (config/admission), WEB_THREADS others run them. A connection beyond so many waits
# where nobody sees it, so there are more of them than threads.
WEB_ENVIRONMENT = {"GRANIAN_BLOCKING_THREADS": "64"}
# A worker that is told to stop while it still starts may not hear it, and would be waited for.
WEB_LIMITS = ("--backpressure", "512", "--backlog", "128", "--workers-kill-timeout", "8")


@dataclass(frozen=True)
class Address:
    """Where the web server listens."""

    host: str
    port: int

    @property
    def reachable_host(self) -> str:
        """The host for somebody on this machine."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 (compared, not bound)

    @property
    def url(self) -> str:
        host = f"[{self.reachable_host}]" if ":" in self.host else self.reachable_host
        return f"http://{host}:{self.port}/"


def describe_services(
    *,
    folder: Path,
    address: Address,
    variables: Mapping[str, str],
    web_workers: int = WEB_WORKERS,
    metrics: Address | None = None,
) -> tuple[Command, ...]:
    """What to start, in this order; logs and beat's schedule lie in `folder`. With `metrics` all of them count, and one more says there
    what."""
    granian = ("granian", "--interface", "wsgi", "--no-ws", "--workers", str(web_workers), *WEB_LIMITS)
    listen = ("--host", address.host, "--port", str(address.port), "--log-level", "warning", *LOG_CONFIG)
    celery = ("celery", "--quiet", "-A", "config")
    worker = (*celery, "worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "WARNING")
    # Estimates fresh votes while the other one learns anew how annotators answer.
    labeller = (*worker, "--queues", "celery", "--hostname", "labeller@%h")
    beat = (*celery, "beat", "--schedule", str(folder / "beat-schedule"), "--loglevel", "WARNING")
    # A worker asked to end by SIGTERM waits for its task; SIGQUIT gives the task back after a few seconds.
    impatient = signal.SIGQUIT
    polite = (signal.SIGTERM, signal.SIGQUIT)
    services: tuple[Description, ...] = (
        ("web", (*granian, *listen, "config.wsgi:application"), signal.SIGTERM, (signal.SIGTERM,)),
        ("worker", worker, impatient, polite),
        ("labeller", labeller, impatient, polite),
        ("beat", beat, signal.SIGTERM, (signal.SIGTERM,)),
    )
    if metrics is not None:
        services += (("metrics", SERVE_METRICS, signal.SIGTERM, (signal.SIGTERM,)),)
    return tuple(
        Command(
            name=name,
            arguments=(sys.executable, "-m", *arguments),
            environment=WEB_ENVIRONMENT | os.environ | dict(variables) | _describe_counting(folder, metrics),
            log=folder / "log" / f"{name}.log",
            folder=CHECKOUT,
            death_signal=death_signal,
            stop_signals=stop_signals,
            grace_seconds=STOP_SECONDS,
        )
        for name, arguments, death_signal, stop_signals in services
    )


def _describe_counting(folder: Path, metrics: Address | None) -> dict[str, str]:
    if metrics is None:
        return {}
    return {
        "PROMETHEUS_MULTIPROC_DIR": str(place_counters(folder)),
        "METRICS_HOST": metrics.host,
        "METRICS_PORT": str(metrics.port),
    }


def answers(address: Address) -> bool:
    """Whether a web server listens there and is alive."""
    connection = http.client.HTTPConnection(address.reachable_host, address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

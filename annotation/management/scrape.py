"""What Prometheus gets: what all processes have counted, and what the database says at this moment."""

import logging
from collections.abc import Iterable
from pathlib import Path

from django.db import connection
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from annotation.queries.gauges import DRIFT, GAUGES, Gauge, read_gauge

logger = logging.getLogger(__name__)


def make_registry(*, folder: Path | None) -> CollectorRegistry:
    """`folder` is where the processes count, if they do."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    if folder is not None:
        registry.register(CounterCollector(folder))
    return registry


class DatabaseCollector(Collector):
    """What fails is left out, and named by `veriset_unread`; all else is told."""

    def collect(self) -> Iterable[Metric]:
        unread = GaugeMetricFamily("veriset_unread", "1 for a metric that could not be read.", labels=["metric"])
        try:
            for gauge in (*GAUGES, DRIFT):
                try:
                    yield _write(gauge)
                except Exception:
                    logger.exception("A metric could not be read: %s", gauge.name)
                    unread.add_metric([gauge.name], 1)
        finally:
            # The server has a thread for each scrape.
            connection.close()
        yield unread


class CounterCollector(Collector):
    """The files of all processes, also of those that are gone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        # A file that a process has just made is empty for a moment.
        files = [str(path) for path in self._folder.glob("*.db") if path.stat().st_size]
        yield from MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]


def _write(gauge: Gauge) -> Metric:
    family = GaugeMetricFamily(gauge.name, gauge.text, labels=[gauge.label] if gauge.label else [])
    for value, number in read_gauge(gauge).items():
        family.add_metric([value] if gauge.label else [], number)
    return family

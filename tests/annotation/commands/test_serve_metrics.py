import socket

import pytest
from django.core.management import CommandError, call_command
from prometheus_client import CollectorRegistry, Counter, generate_latest, values

from annotation.management import scrape
from annotation.management.scrape import make_registry
from annotation.queries.gauges import GAUGES, Gauge

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_port_0_serves_nothing(settings):
    settings.METRICS_PORT = 0

    with pytest.raises(CommandError, match="METRICS_PORT is 0"):
        call_command("serve_metrics")


def test_a_port_that_is_taken_is_named(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.METRICS_PORT = taken.getsockname()[1]

        with pytest.raises(CommandError, match=f"METRICS_PORT={settings.METRICS_PORT}: Address already in use"):
            call_command("serve_metrics")


def test_what_cannot_be_read_is_named_and_hides_nothing_else(monkeypatch):
    broken = Gauge("veriset_broken", "Asks for nothing there is.", "SELECT 1 FROM no_such_table")
    monkeypatch.setattr(scrape, "GAUGES", (broken, *GAUGES))

    text = generate_latest(make_registry(folder=None)).decode()

    assert 'veriset_unread{metric="veriset_broken"} 1.0' in text
    assert all(f"# TYPE {gauge.name} gauge" in text for gauge in GAUGES)


def test_what_processes_counted_is_added_up_also_of_one_that_has_just_begun(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for process in ("host-1", "host-2"):
        monkeypatch.setattr(values, "ValueClass", values.MultiProcessValue(lambda process=process: process))
        Counter("veriset_tried", "Tried.", registry=CollectorRegistry()).inc(2)
    (tmp_path / "counter_host-3.db").touch()

    assert "veriset_tried_total 4.0" in generate_latest(make_registry(folder=tmp_path)).decode()

"""What is measured at size, measured at a small one."""

import time
from contextlib import contextmanager

import pytest

from annotation.models import Batch, Vote
from benchmarks.scale.clients import run_clients
from benchmarks.scale.load import Lag, summarize
from benchmarks.scale.report import find_figure, format_sizes, read_sizes
from hierarchy.models import Synset
from tests import builders

QUESTIONS = 2000


@pytest.fixture
def filled(django_db_serialized_rollback, transactional_db):
    return builders.fill_database(QUESTIONS)


@pytest.fixture
def order(filled, live_server):
    from benchmarks.scale import newcomers

    return {
        "addresses": [(live_server.thread.host, live_server.thread.port)],
        "tokens": newcomers.make_tokens(2),
        "campaign": newcomers.CAMPAIGN,
        "size": 6,
        "seconds": 1.0,
        "pages_per_second": None,
    }


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_clients_answer_pages_over_http_as_fast_as_they_are_served(order):
    before = Vote.objects.count()
    found = summarize(run_clients(order))

    assert found["votes"] == Vote.objects.count() - before > 0
    assert found["refused"] == found["exhausted"] == 0
    assert 0 < found["lease_p50_ms"] <= found["lease_p99_ms"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_clients_keep_to_a_rate(order):
    found = summarize(run_clients(order | {"pages_per_second": 4.0, "seconds": 1.5}))

    assert 3 <= found["pages"] <= 6


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_leases_are_measured_in_every_scene_and_no_page_stays_open(filled, monkeypatch):
    from benchmarks.scale import leases

    monkeypatch.setattr(leases, "PAGES", 3)
    monkeypatch.setattr(leases, "OPEN_LEASES", 5)
    found = leases.measure_leases(progress=lambda _: None)

    assert found["far ahead"]["votes"] >= 24
    assert found["many open"]["leases"] == 5
    assert {name for name in found if found[name].get("lease_median_ms", 0) > 0} == {
        "bare",
        "largest synset",
        "usual synset",
    }
    assert not Batch.objects.filter(closed_at=None).exists()


def test_a_lag_is_looked_at_as_long_as_it_is_asked_for():
    @contextmanager
    def read():
        yield lambda: 2.0

    with Lag(read) as lag:
        time.sleep(0.35)

    assert len(lag.seen) >= 2
    assert lag.summarize() == {"lag_median_s": 2.0, "lag_p95_s": 2.0, "lag_most_s": 2.0}


def test_the_table_has_a_column_for_each_size_and_a_blank_for_what_was_not_measured(tmp_path):
    for questions, figure in ((100_000, 3.25), (10_000, 3.0)):
        (tmp_path / f"{questions}.json").write_text(
            f'{{"questions": {questions}, "leases": {{"usual synset": {{"lease_median_ms": {figure}}}}}}}'
        )
    sizes = read_sizes(tmp_path)
    heading, first, second, *_ = format_sizes(sizes).splitlines()

    assert heading.split() == ["questions", "10,000", "100,000"]
    assert first.split()[-2:] == ["3.0", "3.2"]
    assert second.split()[-1] == "ms"
    assert find_figure(sizes[0], ("load", "pages of 24", "votes_per_second")) is None


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_pages_are_measured_for_whom_they_are(filled):
    from benchmarks.scale import pages

    builders.make_synset(77_000_000, parents=[Synset.objects.earliest("pk")])
    told: list[str] = []
    found = pages.measure_pages(progress=told.append)

    assert {name.partition(", ")[2] for name in found if name != "slowest"} == {"curator", "annotator", "visitor"}
    assert len(told) == len(found) - 1
    assert found["slowest"]["median_ms"] == max(times["median_ms"] for times in found.values()) > 0

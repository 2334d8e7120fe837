"""The annotator's page, shown and sent, against the cheapest page the service has: /livez, through the same middleware."""

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from annotation.actions.batches import lease_batch
from annotation.models import Annotator, Batch
from benchmarks.measure import Row, compare
from benchmarks.rows import PAGE_SIZE, make_annotator, make_campaign

PAGES_A_SYNSET = 20
AGAINST = "GET /livez"
UNIT = "requests/s"


def measure(*, quick: bool) -> list[Row]:
    repeats = 5 if quick else 40
    make_campaign(synsets=repeats // PAGES_A_SYNSET + 1, candidates=PAGES_A_SYNSET * PAGE_SIZE)
    annotator, client = make_annotator(), Client()
    client.force_login(User.objects.get(annotator=annotator), backend=settings.AUTHENTICATION_BACKENDS[-1])
    lease_batch(annotator_id=annotator.pk)
    show, livez = reverse("annotation:annotate"), reverse("livez")
    # The first request of a kind loads its templates.
    _check(client.get(show), 200)
    shown = compare(
        ours=lambda _: _check(client.get(show), 200),
        limit=lambda _: _check(client.get(livez), 200),
        inputs=range(repeats),
    )
    sent = compare(
        ours=lambda batch: _check(_send(client, batch), 303),
        limit=lambda _: _check(client.get(livez), 200),
        inputs=_find_pages(annotator, repeats),
    )
    return [
        shown.as_rate(f"GET /annotate/ with {PAGE_SIZE} pictures", amount=1, unit=UNIT, against=AGAINST),
        sent.as_rate("POST of a page, next page leased", amount=1, unit=UNIT, against=AGAINST),
    ]


def _find_pages(annotator: Annotator, count: int) -> Iterator[Batch]:
    """Sending one page leases the next."""
    for _ in range(count):
        yield annotator.batches.get(closed_at=None)


def _send(client: Client, batch: Batch) -> HttpResponseBase:
    answers = {f"answer-{position}": "YES" for position in range(1, PAGE_SIZE + 1)}
    return client.post(reverse("annotation:submit", args=[batch.pk]), {"key": str(batch.pk), **answers})


def _check(response: HttpResponseBase, status: int) -> None:
    assert response.status_code == status, f"answered {response.status_code}, not {status}"

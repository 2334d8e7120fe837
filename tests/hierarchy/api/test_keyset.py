from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from hierarchy.models import Label
from hierarchy.queries import keyset
from hierarchy.queries.keyset import Cursor, read_page
from tests.hierarchy.api.walking import walk
from tests.hierarchy.rows import make_candidates, make_synset

START = datetime(2026, 1, 1, tzinfo=UTC)
SYNSETS = "/api/v1/synsets/"


def make_labels(minutes):
    """One label a minute given; equal minutes make ties."""
    return Label.objects.bulk_create(
        Label(
            candidate=candidate,
            synset_id=candidate.synset_id,
            verdict="ACCEPTED",
            probability=0.9,
            votes=3,
            source="CONSENSUS",
            source_ref="",
            at=at,
        )
        for candidate, at in zip(
            make_candidates(len(minutes)), [START + timedelta(minutes=minute) for minute in minutes], strict=True
        )
    )


def read_cursor(address):
    return parse_qs(urlsplit(address).query)["cursor"][0]


def walk_pages(rows, *, cursor=None, **options):
    """All pages from there on, as far as they lead."""
    page = read_page(rows, cursor=cursor, **options)
    back = cursor is not None and cursor.backwards
    yield page
    while (cursor := page.before if back else page.after) is not None:
        page = read_page(rows, cursor=cursor, **options)
        yield page


class ReadPageTest(TestCase):
    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5), st.booleans())
    def test_pages_forwards_and_backwards_are_slices_of_the_sorted_rows(self, minutes, limit, falling):
        make_labels(minutes)
        order_by = ["-at", "-id"] if falling else ["at", "id"]
        expected = sorted(Label.objects.values_list("at", "id"), reverse=falling)

        found: list[Label] = []
        for page in walk_pages(Label.objects.all(), order_by=order_by, limit=limit):
            assert (page.before is not None) == (found != [])
            assert len(page.rows) == limit or page.after is None
            found += page.rows
        assert [(label.at, label.pk) for label in found] == expected

        for start in range(1, len(expected)):
            cursor = Cursor(backwards=True, values=expected[start])
            page = read_page(Label.objects.all(), order_by=order_by, limit=limit, cursor=cursor)
            assert [(label.at, label.pk) for label in page.rows] == expected[max(start - limit, 0) : start]
            assert (page.before is not None, page.after is not None) == (start > limit, True)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5), st.integers(0, 4), st.booleans())
    def test_rare_rows_are_all_found_though_each_page_looks_at_few(self, minutes, limit, window, falling):
        make_labels(minutes)
        rare = Label.objects.filter(pk__in=[pk for pk in Label.objects.values_list("pk", flat=True) if pk % 3 == 0])
        order_by = ["-at", "-id"] if falling else ["at", "id"]
        options = {"order_by": order_by, "limit": limit, "among": Label.objects.all()}
        expected = list(rare.order_by(*order_by))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keyset, "WINDOW", window)
            pages = list(walk_pages(rare, **options))
            back = [pages[-1]]
            if pages[-1].before is not None:
                back += walk_pages(rare, cursor=pages[-1].before, **options)

        assert [label for page in pages for label in page.rows] == expected
        assert [label for page in reversed(back) for label in page.rows] == expected
        assert min(len(pages), len(back)) >= len(minutes) / (window + 1)


@pytest.fixture
def synsets(db):
    return [make_synset(number) for number in range(10, 17)]


def test_next_leads_through_all_rows_and_previous_back(client, synsets):
    wnids = [synset.wnid for synset in synsets]

    pages = walk(client, f"{SYNSETS}?limit=3")

    assert [[row["wnid"] for row in page] for page in pages] == [wnids[:3], wnids[3:6], wnids[6:]]
    first = client.get(f"{SYNSETS}?limit=3").json()
    last = client.get(client.get(first["next"]).json()["next"]).json()
    back = walk(client, last["previous"], link="previous")
    assert back == [pages[1], pages[0]]


def test_links_keep_the_other_parameters(client, synsets):
    address = client.get(f"{SYNSETS}?limit=2").json()["next"]

    assert address.startswith("http://testserver/api/v1/synsets/?")
    assert "limit=2" in address


def test_rows_that_come_meanwhile_move_nothing(client, synsets):
    first = client.get(f"{SYNSETS}?limit=3").json()
    make_synset(1)

    second = client.get(first["next"]).json()

    assert [row["wnid"] for row in second["results"]] == [synset.wnid for synset in synsets[3:6]]


@pytest.mark.parametrize(
    "spoil", [lambda text: "x" + text, lambda text: text[:-1], lambda text: "abc", lambda text: ""]
)
def test_a_cursor_that_was_changed_is_refused(client, synsets, spoil):
    address = client.get(f"{SYNSETS}?limit=3").json()["next"]
    cursor = read_cursor(address)

    response = client.get(f"{SYNSETS}?limit=3&cursor={spoil(cursor)}")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["cursor"]


def test_a_cursor_of_another_address_is_refused(client, tree):
    cursor = read_cursor(client.get(f"{SYNSETS}?limit=1").json()["next"])

    response = client.get(f"/api/v1/synsets/n02084071/children/?cursor={cursor}")

    assert response.status_code == 400


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", ""])
def test_a_limit_out_of_bounds_is_refused(client, synsets, limit):
    response = client.get(f"{SYNSETS}?limit={limit}")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["limit"]

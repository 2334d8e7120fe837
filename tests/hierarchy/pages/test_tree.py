import pytest

from hierarchy.queries import counts
from tests.hierarchy.excerpt import find_word, make_labelled
from tests.hierarchy.rows import make_synset

pytestmark = pytest.mark.django_db


def test_it_shows_the_root_open(client, excerpt):
    page = client.get("/hierarchy/").content.decode()

    assert ">entity</a>" in page
    assert ">physical entity</a>" in page
    assert 'data-children="/hierarchy/n00001930/children/"' in page


def test_it_opens_at_a_synset_with_everything_above_it(client, excerpt):
    page = client.get("/hierarchy/?open=n02084071").content.decode()

    assert page.index(">entity</a>") < page.index(">dog, domestic dog, Canis familiaris</a>") < page.index(">puppy</a>")


@pytest.mark.parametrize("wnid", ["n99999999", "dog", ""])
def test_it_cannot_open_at_what_is_no_synset(client, excerpt, wnid):
    assert client.get("/hierarchy/", {"open": wnid}).status_code == 404


def test_before_an_import_it_says_what_to_do(client):
    assert "import_wordnet" in client.get("/hierarchy/").content.decode()


def test_for_a_visitor_it_takes_four_queries(client, excerpt, django_assert_num_queries):
    with django_assert_num_queries(4):
        client.get("/hierarchy/")


def test_at_a_synset_it_takes_four_queries_too(client, excerpt, django_assert_num_queries):
    with django_assert_num_queries(4):
        client.get("/hierarchy/?open=n02084071")


def test_children_are_a_fragment_with_their_counts(client, excerpt, curator):
    make_labelled("corgi", "ACCEPTED", None)

    fragment = client.get("/hierarchy/n02084071/children/").content.decode()

    assert "<html" not in fragment
    assert "1 accepted of 2" in fragment


def test_children_before_a_release_show_visitors_no_verdict(client, excerpt):
    make_labelled("corgi", "ACCEPTED", None)

    assert "0 accepted of 2" in client.get("/hierarchy/n02084071/children/").content.decode()


def test_children_mark_instances(client, excerpt):
    capital = find_word("national capital").wnid

    assert ">instance</span>" in client.get(f"/hierarchy/{capital}/children/").content.decode()


def test_children_of_a_visitor_take_three_queries(client, excerpt, django_assert_num_queries):
    with django_assert_num_queries(3):
        client.get("/hierarchy/n02084071/children/")


def test_many_children_come_in_pages(client, excerpt, monkeypatch):
    monkeypatch.setattr(counts, "CHILDREN_PER_PAGE", 1)
    parent = find_word("domestic animal").wnid

    first = client.get(f"/hierarchy/{parent}/children/").content.decode()
    second = client.get(f"/hierarchy/{parent}/children/?page=2").content.decode()

    assert f'data-more="/hierarchy/{parent}/children/?page=2"' in first
    assert ">dog, domestic dog, Canis familiaris</a>" in first
    assert "data-more" not in second


@pytest.mark.parametrize("page", ["0", "-1", "x", "1001", "", "\u0661"])
def test_what_is_no_page_number_is_not_found(client, excerpt, page):
    assert client.get("/hierarchy/n02084071/children/", {"page": page}).status_code == 404


def test_words_cannot_bring_markup_into_the_page(client, excerpt):
    synset = make_synset(1, "<script>alert(1)</script>")

    assert "<script>alert" not in client.get(f"/hierarchy/{synset.wnid}/").content.decode()


def test_search_lists_what_it_found(client, excerpt):
    page = client.get("/hierarchy/search/", {"q": "dog"}).content.decode()

    assert 'href="/hierarchy/n02084071/"' in page
    assert "a member of the genus Canis" in page


def test_search_says_when_nothing_is_found_and_shows_the_text_as_text(client, excerpt):
    page = client.get("/hierarchy/search/", {"q": "<b>zebra"}).content.decode()

    assert "Nothing found for “&lt;b&gt;zebra”" in page


def test_search_takes_one_query(client, excerpt, django_assert_num_queries):
    with django_assert_num_queries(1):
        client.get("/hierarchy/search/", {"q": "dog"})


def test_an_empty_search_only_asks(client):
    response = client.get("/hierarchy/search/")

    assert response.status_code == 200
    assert "Nothing found" not in response.content.decode()

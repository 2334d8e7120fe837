from tests.hierarchy.api.walking import read_rows
from tests.hierarchy.rows import make_search_words

SYNSETS = "/api/v1/synsets/"


def test_a_search_gives_the_best_match_first(client, tree):
    make_search_words()

    rows = read_rows(client, f"{SYNSETS}?q=dog")

    assert [row["wnid"] for row in rows] == ["n02084071"]


def test_a_wnid_finds_its_synset(client, tree):
    assert [row["words"] for row in read_rows(client, f"{SYNSETS}?q=n01322604")] == [["puppy"]]


def test_a_search_for_nothing_is_refused(client, tree):
    assert client.get(f"{SYNSETS}?q=").status_code == 400

import pytest

from tests.hierarchy.api.walking import read_rows
from tests.hierarchy.rows import make_candidates

SYNSETS = "/api/v1/synsets/"


def wnids(client, address):
    return [row["wnid"] for row in read_rows(client, address)]


def test_the_list_holds_all_synsets_by_wnid(client, tree):
    rows = read_rows(client, SYNSETS)

    assert [row["words"][0] for row in rows] == ["animal", "puppy", "dog", "Rex"]
    assert rows[0] == {"wnid": "n00015388", "words": ["animal"], "gloss": "gloss of n00015388", "safety": "UNSET"}


def test_one_synset_comes_with_parents_and_path(client, tree):
    body = client.get(f"{SYNSETS}n02084071/").json()

    assert body["words"] == ["dog", "domestic dog"]
    assert [(parent["wnid"], parent["instance"]) for parent in body["parents"]] == [("n00015388", False)]
    assert body["children"] == 2
    assert [step["wnid"] for step in body["path"]] == ["n00015388", "n02084071"]


def test_ancestors_come_nearest_first(client, tree):
    rows = read_rows(client, f"{SYNSETS}n09000001/ancestors/")

    found = [(row["wnid"], row["distance"], row["instance"]) for row in rows]
    assert found == [("n02084071", 1, True), ("n00015388", 2, True)]


def test_descendants_leave_out_instances_unless_asked(client, tree):
    address = f"{SYNSETS}n00015388/descendants/"

    assert wnids(client, address) == ["n02084071", "n01322604"]
    assert wnids(client, f"{address}?instances=true") == ["n02084071", "n01322604", "n09000001"]


def test_children_say_which_are_instances(client, tree):
    rows = read_rows(client, f"{SYNSETS}n02084071/children/")

    assert [(row["wnid"], row["instance"]) for row in rows] == [("n01322604", False), ("n09000001", True)]


def test_stats_count_what_lies_below(client, tree):
    make_candidates(3, synset=tree.puppy)
    make_candidates(2, synset=tree.rex, name="rex")
    address = f"{SYNSETS}n00015388/stats/"

    assert client.get(address).json() == {"descendants": 2, "images": 3, "accepted": 0, "rejected": 0}
    assert client.get(f"{address}?instances=true").json()["images"] == 5


@pytest.mark.parametrize("part", ["", "ancestors/", "descendants/", "children/", "stats/"])
@pytest.mark.parametrize(("wnid", "status"), [("n00000001", 404), ("dog", 400), ("n0208407%00", 400)])
def test_a_synset_that_does_not_exist_is_a_problem(client, tree, part, wnid, status):
    response = client.get(f"{SYNSETS}{wnid}/{part}")

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("part", ["", "n02084071/", "n02084071/stats/", "n02084071/children/"])
def test_an_unknown_parameter_is_refused_by_name(client, tree, part):
    response = client.get(f"{SYNSETS}{part}?colour=red")

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["colour"]


def test_a_parameter_that_comes_twice_is_refused(client, tree):
    response = client.get(f"{SYNSETS}?limit=1&limit=2")

    assert response.status_code == 400


@pytest.mark.parametrize("part", ["", "n02084071/", "n00015388/descendants/", "n02084071/stats/"])
def test_asked_again_with_its_etag_nothing_is_sent(client, tree, part):
    etag = client.get(f"{SYNSETS}{part}")["ETag"]

    again = client.get(f"{SYNSETS}{part}", headers={"if-none-match": etag})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)


def test_a_change_changes_the_etag(client, tree):
    etag = client.get(f"{SYNSETS}n02084071/")["ETag"]
    tree.dog.safety = "SAFE"
    tree.dog.save()

    response = client.get(f"{SYNSETS}n02084071/", headers={"if-none-match": etag})

    assert response.json()["safety"] == "SAFE"


@pytest.mark.parametrize(
    ("part", "queries"),
    [
        ("", 1),
        ("n02084071/", 4),
        ("n09000001/ancestors/", 2),
        ("n00015388/descendants/", 2),
        ("n02084071/children/", 2),
    ],
)
def test_a_page_takes_a_fixed_number_of_queries(client, tree, part, queries, django_assert_num_queries):
    with django_assert_num_queries(queries):
        client.get(f"{SYNSETS}{part}")


@pytest.mark.parametrize("part", ["images/", "labels/"])
def test_images_and_labels_are_for_members(client, annotator, tree, part):
    assert client.get(f"{SYNSETS}n02084071/{part}").status_code == 401
    assert annotator.get(f"{SYNSETS}n02084071/{part}").status_code == 200


def test_nothing_can_be_written(curator, tree):
    assert curator.post(SYNSETS).status_code == 403

import pytest

from annotation.models import SynsetNotes
from tests.annotation.api.client import Program
from tests.annotation.pages.browser import list_messages, read_fields, sign_in
from tests.builders import lease, make_candidates, make_open_campaign, make_synset, make_user

pytestmark = pytest.mark.django_db
PAGE = "/curate/notes/n02084071/"


@pytest.fixture
def campaign():
    synset = make_synset(2084071, words=["dog"])
    make_candidates(synset, 2)
    return make_open_campaign([synset], gold_rate=0)


@pytest.fixture
def client(campaign):
    return sign_in(make_user("boss", "curator"))


def write(client, version=0, **texts):
    return client.post(PAGE, {"includes": "Puppies", "excludes": "Wolves", "version": version, **texts})


def test_notes_are_shown_to_annotators_and_programs(client):
    assert write(client).headers["Location"] == PAGE

    ann = make_user("ann")
    lease(ann)
    html = sign_in(ann).get("/annotate/").content.decode()
    synset = Program(make_user("bob")).ask("post", "batches/").json()["synset"]
    assert "Puppies" in html
    assert "Wolves" in html
    assert (synset["includes"], synset["excludes"]) == ("Puppies", "Wolves")


def test_versions_are_listed_with_who_wrote_them(client):
    write(client), write(client, version=1, includes="")

    response = client.get(PAGE)

    assert [version.version for version in response.context["versions"]] == [2, 1]
    assert read_fields(response).values["version"] == "2"
    assert "by boss" in response.content.decode()


def test_what_is_too_long_comes_back(client):
    response = write(client, includes="x" * 2001)

    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["includes"]
    assert not SynsetNotes.objects.exists()


def test_who_was_slower_is_told(client):
    write(client)

    write(client, includes="Cats")

    assert "Somebody else has changed these notes meanwhile. Look again." in list_messages(client.get(PAGE))


@pytest.mark.parametrize("wnid", ["n00000009", "dog"])
def test_a_synset_that_is_not_there_is_not_found(client, wnid):
    assert client.get(f"/curate/notes/{wnid}/").status_code == 404


def test_the_page_takes_few_queries(client, django_assert_num_queries):
    write(client)

    with django_assert_num_queries(6):
        client.get(PAGE)

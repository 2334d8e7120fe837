import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from hierarchy.models import Image, Synset
from tests.hierarchy.excerpt import day, find_word, make_labelled, publish_release

pytestmark = pytest.mark.django_db

DOG = "/hierarchy/n02084071/"


@pytest.fixture
def released_dog(excerpt):
    (candidate,) = make_labelled("dog", "ACCEPTED")
    Image.objects.update(author="Ada", licence="CC BY 4.0")
    publish_release("first", frozen_at=day(1))
    return candidate


def test_it_shows_words_gloss_path_parents_and_children(client, excerpt):
    page = client.get(DOG).content.decode()

    for text in (
        "dog, domestic dog, Canis familiaris",
        "a member of the genus Canis",
        ">canine, canid</a>",
        ">domestic animal, domesticated animal</a>",
        ">puppy</a>",
        ">entity</a>",
    ):
        assert text in page


def test_an_accepted_picture_names_author_licence_and_source(client, released_dog):
    page = client.get(DOG).content.decode()

    assert 'alt="Accepted picture of dog, domestic dog, Canis familiaris"' in page
    assert "Ada" in page
    assert "CC BY 4.0" in page
    assert 'href="https://example.org/picture"' in page


def test_a_source_that_is_no_web_address_is_no_link(client, released_dog):
    Image.objects.update(source="javascript:alert(1)")

    assert 'href="javascript:' not in client.get(DOG).content.decode()


def test_the_picture_on_the_page_can_be_fetched(client, released_dog):
    default_storage.save(released_dog.image.storage_name("small"), ContentFile(b"jpeg"))
    (example,) = client.get(DOG).context["examples"]

    response = client.get(example.small_url)

    assert response.getvalue() == b"jpeg"


def test_before_a_release_visitors_are_told_why_there_are_no_pictures(client, excerpt):
    make_labelled("dog", "ACCEPTED")

    page = client.get(DOG).content.decode()

    assert "with the next release" in page
    assert "Accepted picture of" not in page


def test_before_a_release_curators_see_current_pictures(client, excerpt, curator):
    make_labelled("dog", "ACCEPTED")

    assert "Accepted picture of" in client.get(DOG).content.decode()


def test_annotators_see_no_more_than_visitors(client, excerpt, annotator):
    make_labelled("dog", "ACCEPTED")

    page = client.get(DOG).content.decode()

    assert "Accepted picture of" not in page
    assert "Set safety" not in page


@pytest.mark.parametrize("safety", ["SENSITIVE", "OFFENSIVE"])
def test_pictures_of_a_marked_synset_are_kept_from_visitors(client, released_dog, safety):
    Synset.objects.filter(wnid="n02084071").update(safety=safety)

    page = client.get(DOG).content.decode()

    assert "shown to curators only" in page
    assert "Accepted picture of" not in page


def test_pictures_of_a_marked_synset_are_shown_to_curators(client, released_dog, curator):
    Synset.objects.filter(wnid="n02084071").update(safety="SENSITIVE")

    assert "Accepted picture of" in client.get(DOG).content.decode()


def test_a_synset_without_anything_says_so(client, excerpt):
    paris = find_word("Paris").wnid

    page = client.get(f"/hierarchy/{paris}/").content.decode()

    assert "Nobody has proposed an image" in page
    assert "no synsets below it" in page
    assert "as an instance" in page


@pytest.mark.parametrize("wnid", ["n99999999", "dog", "n1"])
def test_an_unknown_synset_is_not_found(client, excerpt, wnid):
    assert client.get(f"/hierarchy/{wnid}/").status_code == 404


def test_for_a_visitor_it_takes_nine_queries(client, released_dog, django_assert_num_queries):
    make_labelled("puppy", "ACCEPTED", "ACCEPTED", "REJECTED")

    with django_assert_num_queries(9):
        client.get(DOG)


def test_for_a_curator_it_takes_twelve_queries(client, released_dog, curator, django_assert_num_queries):
    make_labelled("puppy", "ACCEPTED", "ACCEPTED", "REJECTED")

    # The three more: session, user, groups.
    with django_assert_num_queries(12):
        client.get(DOG)


def test_a_curator_marks_a_synset(client, excerpt, curator):
    response = client.post(f"{DOG}safety/", {"safety": "SENSITIVE"}, follow=True)

    assert response.redirect_chain == [(DOG, 302)]
    assert "is now marked sensitive" in response.content.decode()
    assert Synset.objects.get(wnid="n02084071").safety == "SENSITIVE"


def test_an_unknown_mark_is_refused_with_a_message(client, excerpt, curator):
    response = client.post(f"{DOG}safety/", {"safety": "FINE"}, follow=True)

    assert "safety: must be one of" in response.content.decode()
    assert Synset.objects.get(wnid="n02084071").safety == "UNSET"


def test_an_annotator_cannot_mark(client, excerpt, annotator):
    assert client.post(f"{DOG}safety/", {"safety": "SAFE"}).status_code == 403
    assert Synset.objects.get(wnid="n02084071").safety == "UNSET"

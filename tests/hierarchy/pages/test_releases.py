import hashlib

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from hierarchy.models import Release, ReleaseFile
from tests.hierarchy.excerpt import day

pytestmark = pytest.mark.django_db

CONTENT = b"image,wnid\n"
SHA256 = hashlib.sha256(CONTENT)


@pytest.fixture
def draft():
    release = Release.objects.create(name="spring-1", frozen_at=day(1), manifest={"files": []})
    ReleaseFile.objects.create(release=release, name="labels.csv", sha256=SHA256.digest(), size=11, rows=4321)
    return release


@pytest.fixture
def published(draft):
    draft.state, draft.published_at = "PUBLISHED", day(2)
    draft.save()
    return draft


@pytest.fixture
def stored(published):
    name = storages["releases"].save("spring-1/labels.csv", ContentFile(CONTENT))
    yield
    storages["releases"].delete(name)


def test_before_the_first_release_it_says_so(client):
    assert "No release yet" in client.get("/hierarchy/releases/").content.decode()


def test_published_releases_are_listed(client, published):
    assert 'href="/hierarchy/releases/spring-1/"' in client.get("/hierarchy/releases/").content.decode()


def test_drafts_are_not_shown(client, draft):
    assert "spring-1" not in client.get("/hierarchy/releases/").content.decode()
    assert client.get("/hierarchy/releases/spring-1/").status_code == 404


def test_a_release_shows_its_files_with_rows_and_checksum(client, published):
    page = client.get("/hierarchy/releases/spring-1/").content.decode()

    assert "4,321" in page
    assert SHA256.hexdigest() in page
    assert 'href="/hierarchy/releases/spring-1/files/labels.csv"' in page


def test_a_file_is_downloaded_as_it_is(client, stored):
    response = client.get("/hierarchy/releases/spring-1/files/labels.csv")

    assert response.getvalue() == CONTENT
    assert response["Content-Disposition"] == 'attachment; filename="labels.csv"'
    assert response["ETag"] == f'"{SHA256.hexdigest()}"'


@pytest.mark.parametrize("file", ["other.csv", "..", "%2e%2e%2fsecret"])
def test_a_file_that_is_not_the_releases_is_not_found(client, stored, file):
    assert client.get(f"/hierarchy/releases/spring-1/files/{file}").status_code == 404


def test_a_file_missing_in_the_storage_is_not_found(client, published):
    assert client.get("/hierarchy/releases/spring-1/files/labels.csv").status_code == 404


@pytest.mark.parametrize("path", ["", "spring-1/"])
def test_list_and_release_take_two_queries(client, published, path, django_assert_num_queries):
    with django_assert_num_queries(2):
        client.get(f"/hierarchy/releases/{path}")

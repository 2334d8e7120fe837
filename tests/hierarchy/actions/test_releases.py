import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from hierarchy.actions import labels, releases
from hierarchy.actions.labels import Verdict
from hierarchy.errors import Conflict, InvalidInput
from hierarchy.exports.labels import COLUMNS
from hierarchy.models import Label, Release
from tests.hierarchy.rows import make_candidates, make_synset

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
FREEZE = datetime(2026, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)
FILES = {"labels.csv", "labels.jsonl", "manifest.json"}


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "releases": backend}


def record(candidates, *, verdict="ACCEPTED", probability=0.97, source="CONSENSUS", at=AT):
    verdicts = [Verdict(candidate.pk, verdict, probability, 5) for candidate in candidates]
    labels.record_labels(verdicts=verdicts, source=source, source_ref="campaign:demo", by=None, at=at)


def publish(name="first", at=FREEZE):
    return releases.publish_release(name=name, by=None, at=at)


def read(name, release="first"):
    with storages["releases"].open(f"{release}/{name}") as content:
        return content.read()


def read_rows(release="first"):
    return [json.loads(line) for line in read("labels.jsonl", release).splitlines()]


def write_twin_rows(at):
    """The rows of a release said again, label by label."""
    return sorted(
        (label.candidate.synset_id, label.candidate.image.sha256_hex, label.verdict)
        for label in Label.objects.select_related("candidate__image")
        if label.at <= at and (label.superseded_at is None or label.superseded_at > at)
    )


@pytest.mark.django_db
def test_a_release_holds_the_labels_of_its_moment_in_order():
    dogs, cats = make_synset(2084071, "dog"), make_synset(2121620, "cat")
    cat_candidates, dog_candidates = make_candidates(20, synset=cats), make_candidates(20, synset=dogs, name="dog")
    record([*cat_candidates, *dog_candidates])
    record(dog_candidates[:5], verdict="REJECTED", at=AT + timedelta(hours=1))
    record(cat_candidates[:5], verdict="REJECTED", at=LATER)

    publish()

    found = [(int(row["wnid"][1:]), row["image"], row["verdict"]) for row in read_rows()]
    assert found == write_twin_rows(FREEZE)
    assert len(found) == 40


@pytest.mark.django_db
def test_csv_and_json_lines_say_the_same():
    record(make_candidates(3), probability=1 / 3)

    publish()

    rows = [{key: str(value) for key, value in row.items()} for row in read_rows()]
    assert list(csv.DictReader(io.StringIO(read("labels.csv").decode()))) == rows
    assert rows[0]["probability"] == "0.333333"


@pytest.mark.django_db
def test_a_storage_that_is_no_folder_serves_as_well(settings):
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "releases": in_memory}
    record(make_candidates(3))

    release = publish()

    assert len(read_rows()) == release.manifest["labels"] == 3


@pytest.mark.django_db
def test_the_manifest_counts_what_the_files_hold():
    candidates = make_candidates(3)
    record(candidates[:2])
    record(candidates[2:], verdict="REJECTED", source="CURATOR")

    manifest = publish().manifest

    assert manifest == json.loads(read("manifest.json"))
    files = {file["name"]: (file["sha256"], file["size"], file["rows"]) for file in manifest.pop("files")}
    contents = {name: read(name) for name in ("labels.csv", "labels.jsonl")}
    assert files == {name: (hashlib.sha256(data).hexdigest(), len(data), 3) for name, data in contents.items()}
    assert manifest == {
        "schema_version": 1,
        "name": "first",
        "frozen_at": "2026-01-02T00:00:00.000000Z",
        "columns": list(COLUMNS),
        "labels": 3,
        "synsets": 1,
        "by_verdict": {"ACCEPTED": 2, "REJECTED": 1},
        "by_source": {"CONSENSUS": 2, "CURATOR": 1},
        "withheld": 0,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("safety", ["SENSITIVE", "OFFENSIVE"])
def test_labels_of_marked_synsets_are_left_out_and_counted(safety):
    record(make_candidates(2, synset=make_synset(1740, safety="SAFE")))
    record(make_candidates(3, synset=make_synset(1930, safety=safety), name="other"))

    manifest = publish().manifest

    assert (manifest["labels"], manifest["withheld"]) == (2, 3)
    assert {row["wnid"] for row in read_rows()} == {"n00001740"}


@pytest.mark.django_db
def test_building_twice_gives_the_same_bytes():
    record(make_candidates(30))
    draft = releases.draft_release(name="first", by=None, at=FREEZE)

    releases.build_release(release=draft)
    before = {name: read(name) for name in FILES}
    releases.build_release(release=draft)

    assert {name: read(name) for name in FILES} == before
    assert len(before["labels.jsonl"].splitlines()) == 30


@pytest.mark.django_db
def test_a_killed_build_is_taken_up_with_its_own_moment():
    candidates = make_candidates(2)
    record(candidates)
    releases.draft_release(name="first", by=None, at=FREEZE)
    storages["releases"].save("first/labels.csv", ContentFile(b"half of a fi"))
    record(candidates, verdict="REJECTED", at=LATER)

    release = publish(at=LATER)

    assert (release.frozen_at, release.published_at) == (FREEZE, LATER)
    assert {row["verdict"] for row in read_rows()} == {"ACCEPTED"}


@pytest.mark.django_db
def test_a_published_name_is_taken():
    publish()

    with pytest.raises(Conflict, match="published already"):
        publish(at=LATER)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "two words", "../up", "a" * 101])
def test_a_name_that_is_no_slug_is_refused(name):
    with pytest.raises(InvalidInput, match="name: "):
        publish(name)

    assert not Release.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("file", sorted(FILES))
def test_a_file_that_changed_on_the_disk_fails_verification(file):
    record(make_candidates(2))
    release = publish()
    data = read(file)
    storages["releases"].delete(f"first/{file}")
    storages["releases"].save(f"first/{file}", ContentFile(data[:-2] + b"X\n"))

    with pytest.raises(Conflict, match=f"first/{file}"):
        releases.verify_release(release=release)


@pytest.mark.django_db
def test_a_missing_file_fails_verification():
    release = publish()
    storages["releases"].delete("first/labels.csv")

    with pytest.raises(Conflict, match=r"first/labels\.csv is missing"):
        releases.verify_release(release=release)


@pytest.mark.django_db
def test_a_draft_without_files_fails_verification():
    draft = releases.draft_release(name="first", by=None, at=FREEZE)

    with pytest.raises(Conflict, match="lacks files"):
        releases.verify_release(release=draft)


@pytest.mark.django_db
def test_a_published_release_cannot_be_built_or_changed():
    release = publish()

    with pytest.raises(Conflict, match="published already"):
        releases.build_release(release=release)
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        Release.objects.update(frozen_at=LATER)
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        release.files.all().delete()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_release_that_another_process_builds_is_left_to_it():
    draft = releases.draft_release(name="first", by=None, at=FREEZE)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM hierarchy_release WHERE id = %s FOR UPDATE", [draft.pk])

        with pytest.raises(Conflict, match="being built"):
            publish()
    finally:
        other.close()


@pytest.mark.django_db
def test_the_command_publishes_and_prints_counts_and_digests(capsys):
    record(make_candidates(2))

    call_command("publish_release", "first")

    output = capsys.readouterr().out
    assert "2 labels of 1 synsets; 0 withheld" in output
    assert hashlib.sha256(read("labels.csv")).hexdigest() in output
    assert Release.objects.get().state == Release.State.PUBLISHED


@pytest.mark.django_db
def test_the_command_refuses_an_unknown_account_and_a_taken_name():
    publish()

    with pytest.raises(CommandError, match="no account nobody"):
        call_command("publish_release", "second", "--as", "nobody")
    with pytest.raises(CommandError, match="published already"):
        call_command("publish_release", "first")

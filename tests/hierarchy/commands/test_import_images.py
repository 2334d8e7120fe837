import csv
import os
import signal
import subprocess
import sys
import time
from io import BytesIO, StringIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image as Picture

from hierarchy.models import Candidate, Image
from tests.hierarchy.picture_files import jpeg
from tests.hierarchy.rows import make_synset

ROOT = Path(__file__).parents[3]
DOG = "n02084071"
PICTURES = 200
PATIENCE_SECONDS = 60


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def source(tmp_path):
    """A folder with one picture of a dog."""
    make_synset(2084071, "dog")
    folder = tmp_path / "source"
    (folder / DOG).mkdir(parents=True)
    (folder / DOG / "a.jpg").write_bytes(jpeg())
    return folder


def run(*arguments):
    out = StringIO()
    call_command("import_images", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def read_report(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.django_db
def test_it_prints_what_became_of_the_items(source, tmp_path):
    (source / DOG / "broken.jpg").write_bytes(b"")
    (source / DOG / "notes.txt").write_text("")

    out = run(source, "--report", tmp_path / "report.csv")

    assert out.splitlines() == [
        "1 images imported, 0 candidates added to known images, 0 already there, 2 refused (1 EMPTY, 1 NOT_A_PICTURE)",
        f"Refusals: {tmp_path / 'report.csv'}",
    ]


@pytest.mark.django_db
def test_the_report_names_place_and_reason_of_each_refusal(source, tmp_path):
    (source / DOG / "broken.jpg").write_bytes(b"")

    run(source, "--report", tmp_path / "report.csv")

    assert read_report(tmp_path / "report.csv") == [
        ["place", "reason", "detail"],
        [f"source/{DOG}/broken.jpg", "EMPTY", "the file is empty"],
    ]


@pytest.mark.django_db
def test_without_a_name_the_report_lies_under_var(source, settings, tmp_path):
    settings.BASE_DIR = tmp_path

    out = run(source)

    (report,) = (tmp_path / "var" / "reports").iterdir()
    assert out.endswith(f"Refusals: {report}\n")


@pytest.mark.django_db
def test_what_a_manifest_says_of_a_candidate_stays_with_it(source, tmp_path):
    manifest = tmp_path / "pictures.csv"
    manifest.write_text(f"file,wnid,prior\na.jpg,{DOG},0.8\n")
    run(manifest, "--root", source / DOG, "--report", tmp_path / "report.csv")
    manifest.write_text(f"file,wnid,prior\na.jpg,{DOG},0.1\n")
    run(manifest, "--root", source / DOG, "--report", tmp_path / "again.csv")

    assert Candidate.objects.get().prior == 0.8


@pytest.mark.django_db
def test_a_manifest_is_read_from_its_root(source, tmp_path):
    manifest = tmp_path / "pictures.csv"
    manifest.write_text(f"file,wnid,author\na.jpg,{DOG},Ann\n")

    run(manifest, "--root", source / DOG, "--licence", "CC0", "--report", tmp_path / "report.csv")

    assert list(Image.objects.values_list("author", "licence")) == [("Ann", "CC0")]


@pytest.mark.django_db
def test_lines_without_files_propose_images_that_are_known(source, tmp_path):
    make_synset(2121620, "cat")
    run(source, "--report", tmp_path / "report.csv")
    known = Image.objects.get().sha256_hex
    manifest = tmp_path / "more.csv"
    manifest.write_text(f"file,wnid,sha256,prior\n,n02121620,{known},0.3\n,n02121620,{'0' * 64},\n,n02121620,,\n")

    out = run(manifest, "--report", tmp_path / "report.csv")

    assert out.startswith("0 images imported, 1 candidates added to known images, 0 already there, 2 refused")
    assert [row[:2] for row in read_report(tmp_path / "report.csv")[1:]] == [
        ["more.csv line 4", "NO_PICTURE"],
        ["more.csv line 3", "UNKNOWN_IMAGE"],
    ]


@pytest.mark.django_db
def test_a_second_run_succeeds_and_adds_nothing(source, tmp_path):
    run(source, "--report", tmp_path / "report.csv")

    out = run(source, "--report", tmp_path / "report.csv")

    assert out.startswith("0 images imported, 0 candidates added to known images, 1 already there, 0 refused")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["nowhere.zip", "pictures.txt"])
def test_what_is_no_source_is_an_error(name, tmp_path):
    (tmp_path / "pictures.txt").write_text("")

    with pytest.raises(CommandError, match=name):
        run(tmp_path / name, "--report", tmp_path / "report.csv")


@pytest.mark.django_db
def test_a_manifest_without_its_columns_is_an_error(tmp_path):
    manifest = tmp_path / "pictures.csv"
    manifest.write_text("picture,synset\n")

    with pytest.raises(CommandError, match="line 1: the header lacks file and wnid"):
        run(manifest, "--report", tmp_path / "report.csv")


@pytest.mark.django_db
def test_a_source_of_which_nothing_is_taken_is_an_error(tmp_path):
    (tmp_path / DOG).mkdir()

    with pytest.raises(CommandError, match="nothing was imported"):
        run(tmp_path, "--report", tmp_path / "report.csv")


def start_command(source, report, media):
    """The command as a process of its own, on the test database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_images", str(source), "--report", str(report), "--skip-checks"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url.geturl(), "MEDIA_ROOT": str(media)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_for_candidates(command):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not Candidate.objects.exists():
        assert command.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.functional
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_import_that_was_killed_is_completed_by_the_next(source, tmp_path, media):
    for number in range(1, PICTURES):
        (source / DOG / f"{number}.jpg").write_bytes(jpeg(size=(300 + number, 300)))
    with start_command(source, tmp_path / "report.csv", media) as command:
        wait_for_candidates(command)
        command.send_signal(signal.SIGKILL)
    assert Candidate.objects.count() < PICTURES

    with start_command(source, tmp_path / "report.csv", media) as command:
        out, _ = command.communicate(timeout=PATIENCE_SECONDS)

    assert ", 0 refused" in out
    assert Image.objects.count() == Candidate.objects.count() == PICTURES
    files = [path for path in media.rglob("*") if path.is_file()]
    assert len(files) == 2 * PICTURES
    for path in files:
        Picture.open(BytesIO(path.read_bytes())).load()


@pytest.mark.functional
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_imports_at_once_store_each_picture_once(source, tmp_path, media):
    for number in range(1, PICTURES):
        (source / DOG / f"{number}.jpg").write_bytes(jpeg(size=(300 + number, 300)))

    reports = [tmp_path / "first.csv", tmp_path / "second.csv"]
    commands = [start_command(source, report, media) for report in reports]
    outs = [command.communicate(timeout=PATIENCE_SECONDS)[0] for command in commands]

    assert [command.returncode for command in commands] == [0, 0]
    assert all(", 0 refused" in out for out in outs)
    assert sum(int(out.split()[0]) for out in outs) == PICTURES
    assert Image.objects.count() == Candidate.objects.count() == PICTURES
    assert len([path for path in media.rglob("*") if path.is_file()]) == 2 * PICTURES

"""Backup, restore and what must not come back, between real databases: the drill of docs/operations.md."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.backup.database import NOT_KEPT
from tests.functional.drill import Place
from tests.functional.pictures import NOUNS, draw_candidates
from tests.functional.service import CHECKOUT, wait_until

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("backup")]
DOG, CAT = "n02084071", "n02121808"
RUN = f"drill_{os.getpid()}"
ACCOUNT = "id, username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined"
REST_OF_ACCOUNT = "'', false, '', '', '', false, true, now()"


def vote(place: Place, *arguments) -> None:
    done = place.run("-m", "tests.functional.drilled", "vote", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def make_place(tmp_path_factory):
    """Empty databases with folders of their own; they go at the end."""
    made = []

    def make(name: str) -> Place:
        place = Place(server=os.environ["DATABASE_URL"], name=f"{RUN}_{name}", home=tmp_path_factory.mktemp(name))
        place.create()
        made.append(place)
        return place

    yield make
    for place in made:
        place.drop()


@pytest.fixture(scope="module")
def first(make_place):
    """A small service with votes, labels, an open page and a release."""
    place = make_place("first")
    place.manage("migrate", DATABASE_URL=place.url)
    place.manage("import_wordnet", NOUNS / "data.noun")
    manifest = draw_candidates(place.home / "drawn", wnids=[DOG, CAT], each=6)
    options = ("--policy", "gold_rate=0,page_size=3", "--annotators", "5")
    done = place.run("-m", "tests.functional.prepare", "drill", manifest, *options)
    assert done.returncode == 0, done.stderr
    for name in ("drill-1", "drill-2", "drill-3"):
        vote(place, name, "--pages", "2")
    done = place.run("-m", "tests.functional.drilled", "lease", "drill-1")
    assert done.returncode == 0, done.stderr
    place.manage("publish_release", "first", "--as", "drill-curator")
    place.tell("REVOKE DELETE ON hierarchy_wordnetimport FROM veriset_app")
    return place


class Backup:
    """A backup of the first place, and what was in it at that moment."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.folder = folder
        self.rows, self.files = place.digest_tables(), place.digest_files()
        self.said = place.manage("backup", folder)


@pytest.fixture(scope="module")
def backup(first, tmp_path_factory):
    return Backup(first, tmp_path_factory.mktemp("backups") / "monday")


@pytest.fixture(scope="module")
def deleted(first, backup):
    """Since the backup one person was deleted, and others have voted."""
    first.manage("delete_user", "drill-1", "--yes")
    vote(first, "drill-4", "--pages", "2", "--answer", "NO")
    return "drill-1"


def restore(place: Place, folder: Path) -> str:
    said = place.manage("restore", folder)
    assert "FAILED" not in said
    return said


def test_everything_is_as_it_was_at_the_moment_of_the_backup(backup, deleted, make_place):
    second = make_place("second")

    said = restore(second, backup.folder)

    assert second.digest_tables() == backup.rows
    assert second.digest_files() == backup.files
    assert any(name.startswith("releases/first/") for name in backup.files)
    assert "0 accounts of the deletion ledger" in said
    assert second.ask(f"SELECT count(*) FROM {NOT_KEPT}") == [(0,)]


def test_the_service_goes_on_with_what_was_restored_and_may_not_change_tables(backup, make_place):
    place = make_place("served")
    restore(place, backup.folder)

    vote(place, "drill-5")

    assert place.may("INSERT", "annotation_vote")
    assert not place.may("TRUNCATE", "annotation_vote")


@pytest.mark.heavy
def test_what_was_taken_from_the_services_role_is_not_given_back_and_new_tables_are_granted(backup, make_place):
    place = make_place("granted")
    restore(place, backup.folder)
    place.tell("CREATE TABLE of_a_later_migration (id int)")

    assert place.may("INSERT", "hierarchy_wordnetimport")
    assert not place.may("DELETE", "hierarchy_wordnetimport")
    assert place.may("DELETE", "of_a_later_migration")


@pytest.mark.heavy
def test_a_backup_of_an_older_version_is_migrated(make_place, tmp_path):
    older, place = make_place("older"), make_place("newer")
    older.manage("migrate", "annotation", "0012", DATABASE_URL=older.url)
    older.tell(f"INSERT INTO auth_user ({ACCOUNT}) VALUES (1, 'ann', {REST_OF_ACCOUNT})")
    older.manage("backup", tmp_path / "older")

    restore(place, tmp_path / "older")

    assert place.ask("SELECT user_id FROM annotation_accountmark") == [(1,)]


def test_somebody_deleted_since_the_backup_does_not_come_back_and_their_votes_stay(first, backup, deleted, make_place):
    third = make_place("third")
    shutil.copy(first.home / "deletions.jsonl", third.home)

    said = restore(third, backup.folder)

    assert "1 accounts of the deletion ledger deleted again" in said
    assert third.ask("SELECT 1 FROM auth_user WHERE username = %s", deleted) == []
    assert third.ask("SELECT count(*) FROM annotation_annotator WHERE user_id IS NULL") == [(1,)]
    rows = third.digest_tables()
    assert {name for name in rows if rows[name] != backup.rows[name]} == {
        "annotation_accountmark",
        "annotation_annotator",
        "annotation_apitoken",
        "annotation_batch",
        "annotation_question",
        "auth_user",
        "auth_user_groups",
        "hierarchy_auditentry",
    }
    assert "0 accounts deleted again" in third.manage("replay_deletions")


def test_a_number_given_again_after_a_restore_is_not_deleted(first, backup, deleted, make_place):
    place = make_place("numbers")
    restore(place, backup.folder)
    number = place.ask("SELECT id FROM auth_user WHERE username = %s", deleted)[0][0]
    shutil.copy(first.home / "deletions.jsonl", place.home)
    place.manage("replay_deletions")
    place.tell(f"INSERT INTO auth_user ({ACCOUNT}) VALUES ({number}, 'other', {REST_OF_ACCOUNT})")

    assert "0 accounts deleted again" in place.manage("replay_deletions")
    assert place.ask("SELECT username FROM auth_user WHERE id = %s", number) == [("other",)]


@pytest.mark.heavy
def test_a_backup_taken_while_people_vote_is_one_moment(first, backup, deleted, make_place, tmp_path):
    command = [sys.executable, "-m", "tests.functional.drilled", "vote", "drill-5", "--pages", "12", "--size", "1"]
    voting = subprocess.Popen(command, cwd=CHECKOUT, env=first.environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert voting.stdout.readline()
        first.manage("backup", tmp_path / "voting")
    finally:
        voting.communicate(timeout=60)
    place = make_place("voting")

    restore(place, tmp_path / "voting")

    given, kept = (each.ask("SELECT id FROM annotation_vote ORDER BY id") for each in (first, place))
    assert kept == given[: len(kept)]


@pytest.mark.heavy
def test_files_of_an_earlier_backup_are_shared(first, backup, tmp_path):
    other = backup.folder.with_name("tuesday")

    said = first.manage("backup", other, "--previous", backup.folder)

    shared = [path for path in other.rglob("*") if path.is_file() and path.stat().st_nlink > 1]
    assert {path.relative_to(other).as_posix() for path in shared} == backup.files.keys()
    assert f"{len(shared)} of them shared" in said


@pytest.mark.heavy
def test_a_folder_that_is_in_use_is_left_alone(first, backup):
    before = sorted(backup.folder.rglob("*"))

    assert "not empty" in first.refuse("backup", backup.folder)

    assert sorted(backup.folder.rglob("*")) == before
    assert [path.name for path in backup.folder.parent.iterdir() if path.name.endswith(".part")] == []


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewrite(**changes):
    """A manifest whose own checksum is right."""

    def change(path):
        from config.backup.manifest import _digest

        values = json.loads(path.read_text())
        del values["sha256"]
        values |= changes
        path.write_text(json.dumps({**values, "sha256": _digest(values)}))

    return change


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "damage", "complaint"),
    [
        ("database.dump", cut, "database.dump is damaged"),
        ("database.dump", flip, "database.dump is damaged"),
        ("releases/first/manifest.json", flip, "releases/first/manifest.json is damaged"),
        ("releases/first/manifest.json", Path.unlink, "releases/first/manifest.json cannot be read"),
        ("files.sha256", flip, "files.sha256 is missing or damaged"),
        ("files.sha256", Path.unlink, "files.sha256 is missing or damaged"),
        ("manifest.json", cut, "manifest.json is damaged"),
        ("manifest.json", Path.unlink, "is no backup"),
        ("manifest.json", rewrite(format=2), "has format 2"),
        ("manifest.json", rewrite(migrations=["annotation.0999_later"]), "annotation.0999_later is not known"),
        ("manifest.json", rewrite(roles=["nobody_here"]), "role nobody_here"),
    ],
)
def test_a_damaged_backup_is_refused_by_name_and_touches_nothing(empty, backup, tmp_path, name, damage, complaint):
    shutil.copytree(backup.folder, tmp_path / "damaged")
    damage(tmp_path / "damaged" / name)

    assert complaint in empty.refuse("restore", tmp_path / "damaged")

    assert empty.digest_tables() == {}
    assert list(empty.home.iterdir()) == []


@pytest.fixture(scope="module")
def empty(make_place):
    return make_place("empty")


@pytest.mark.heavy
def test_a_database_that_is_not_empty_is_left_alone(first, backup, deleted):
    before = first.digest_tables()

    assert "not empty: it has the table public." in first.refuse("restore", backup.folder)

    assert first.digest_tables() == before


@pytest.mark.heavy
def test_a_file_that_differs_is_not_overwritten(empty, backup):
    name = min(backup.files)
    (empty.home / name).parent.mkdir(parents=True)
    (empty.home / name).write_text("another picture")

    assert f"{name} is there already and differs" in empty.refuse("restore", backup.folder)

    shutil.rmtree(empty.home / "media")
    assert empty.digest_tables() == {}


@pytest.mark.heavy
def test_a_restore_that_was_broken_off_is_run_again(backup, make_place):
    place = make_place("again")
    command = [sys.executable, "manage.py", "restore", str(backup.folder)]
    running = subprocess.Popen(command, cwd=CHECKOUT, env=place.environment(), stderr=subprocess.DEVNULL)
    active = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_restore' AND datname = %s"
    wait_until(lambda: place.ask(active, place.name) or running.poll() is not None, seconds=60, what="it loads")
    running.kill()
    running.wait()
    place.create()

    restore(place, backup.folder)

    assert place.digest_tables() == backup.rows

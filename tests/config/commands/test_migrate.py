"""A migration under load makes room for whoever is at a table, and tries again."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader

from config.management.commands import migrate

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
EARLIER = "0013_deleted_accounts"
NEWEST = MigrationLoader(None).graph.leaf_nodes("annotation")[0][1]


def run(name, **options):
    errors = io.StringIO()
    call_command("migrate", "annotation", name, stdout=io.StringIO(), stderr=errors, verbosity=0, **options)
    return errors.getvalue()


def is_there():
    return "annotation_setaside" in connection.introspection.table_names()


@pytest.fixture(autouse=True)
def earlier(monkeypatch):
    """The tables of the version before, and up again at the end."""
    run(EARLIER)
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.3)
    yield
    run(NEWEST)
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


@pytest.fixture
def writer():
    """Somebody who writes to the table of questions, until told to end."""
    writing, is_over = threading.Event(), threading.Event()

    def write():
        copy = connections.create_connection("default")
        with copy.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE annotation_question IN ROW EXCLUSIVE MODE")
            writing.set()
            is_over.wait(30)
            cursor.execute("ROLLBACK")
        copy.close()

    thread = threading.Thread(target=write)
    thread.start()
    writing.wait(30)
    yield is_over
    is_over.set()
    thread.join()


def test_it_gives_up_in_the_end_and_leaves_everything_as_it_was(writer):
    with pytest.raises(CommandError, match="in use all the time"):
        run(NEWEST, tries=2)

    assert not is_there()


def test_it_goes_on_when_the_table_is_free(writer):
    threading.Timer(3, writer.set).start()

    assert run(NEWEST, tries=100).startswith("A table is in use; 99 tries are left.\n")
    assert is_there()


def test_nobody_in_its_way_is_no_news():
    assert run(NEWEST) == ""
    assert is_there()

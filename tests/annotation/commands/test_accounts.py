import io
import secrets
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.models import Annotator, ApiToken
from annotation.queries.accounts import find_live_token
from hierarchy.models import AuditEntry
from tests.annotation.actions.test_recorded import list_newest
from tests.builders import PASSWORD, make_token, make_user

pytestmark = pytest.mark.django_db


def run(*arguments):
    output = io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def type_passwords(monkeypatch, *passwords):
    answers = iter(passwords)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("annotation.management.commands.create_user.getpass", lambda prompt: next(answers))


def test_an_account_is_made_with_a_password_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\nnot this\n"))

    output = run("create_user", "ann", "--role", "annotator", "--email", "ann@example.org", "--password-stdin")

    user = Annotator.objects.get().user
    assert (user.username, user.email, user.groups.get().name) == ("ann", "ann@example.org", "annotator")
    assert user.check_password(PASSWORD)
    assert PASSWORD not in output


def test_a_person_types_the_password_twice(monkeypatch):
    type_passwords(monkeypatch, PASSWORD, PASSWORD)

    run("create_user", "ann", "--role", "curator")

    assert Annotator.objects.get().user.check_password(PASSWORD)


def test_two_passwords_that_differ_make_no_account(monkeypatch):
    type_passwords(monkeypatch, PASSWORD, "another one")

    with pytest.raises(CommandError, match="differ"):
        run("create_user", "ann", "--role", "annotator")

    assert not Annotator.objects.exists()


def test_without_a_terminal_the_password_must_be_sent(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD))

    with pytest.raises(CommandError, match="--password-stdin"):
        run("create_user", "ann", "--role", "annotator")


def test_a_weak_password_or_a_taken_name_is_refused(monkeypatch):
    make_user("ann")
    monkeypatch.setattr("sys.stdin", io.StringIO("12345\n"))

    with pytest.raises(CommandError, match=r"username: is taken.*password: ") as refused:
        run("create_user", "ANN", "--role", "annotator", "--password-stdin")

    assert "12345" not in str(refused.value)


def test_a_token_is_all_that_is_printed():
    make_user("ann")

    output = run("create_token", "ann", "--scope", "annotate")

    token = find_live_token(output.removesuffix("\n"))
    assert token is not None
    assert (token.user.username, token.scope) == ("ann", "annotate")


@pytest.mark.parametrize(("name", "scope", "problem"), [("bob", "read", "no account bob"), ("ann", "curate", "scope")])
def test_a_token_beyond_the_account_is_refused(name, scope, problem):
    make_user("ann")

    with pytest.raises(CommandError, match=problem):
        run("create_token", name, "--scope", scope)


@pytest.mark.parametrize("length", [8, 43])
def test_a_token_is_revoked_by_its_key_or_its_prefix(length):
    key = make_token(make_user("ann"), "read")

    run("revoke_token", key[:length])

    assert find_live_token(key) is None
    with pytest.raises(CommandError, match="No live token"):
        run("revoke_token", key[:length])


def test_no_key_looks_like_an_option(monkeypatch):
    drawn = iter(["-abc", "-def", "plain"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: next(drawn))

    assert make_token(make_user("ann"), "read") == "plain"


def test_keys_that_begin_alike_are_not_guessed_at():
    make_token(make_user("ann"), "read")
    make_token(make_user("bob"), "read")
    ApiToken.objects.update(prefix="samesame")

    with pytest.raises(CommandError, match="2 live tokens"):
        run("revoke_token", "samesame")


def test_an_operator_made_by_djangos_own_command_is_recorded(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    run("createsuperuser", "--noinput", "--username", "op", "--email", "op@example.org")

    operator = User.objects.get(is_superuser=True)
    detail = {"groups": [], "is_superuser": True}
    assert list_newest() == [("CREATE_ACCOUNT", f"account:{operator.pk}", None, detail)]


def test_a_password_changed_by_djangos_own_command_is_recorded(monkeypatch):
    ann = make_user("ann")
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another long phrase")

    run("changepassword", "ann")

    ann.refresh_from_db()
    assert ann.check_password("another long phrase")
    assert list_newest() == [("CHANGE_PASSWORD", f"account:{ann.pk}", None, {"how": "COMMAND_LINE"})]


def test_a_password_that_was_not_changed_is_not(monkeypatch):
    make_user("ann")
    entries = AuditEntry.objects.count()
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")

    with pytest.raises(CommandError):
        run("changepassword", "ann")

    assert AuditEntry.objects.count() == entries


def type_answer(monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda question: answer)


@pytest.fixture
def ledger(settings, tmp_path):
    settings.DELETION_LEDGER = str(tmp_path / "deletions.jsonl")


def test_an_account_is_deleted_when_its_name_is_typed_again(monkeypatch, ledger):
    make_user("ann")

    type_answer(monkeypatch, "yes")
    with pytest.raises(CommandError, match="Nothing was deleted"):
        run("delete_user", "ann")
    type_answer(monkeypatch, "ann")
    assert run("delete_user", "ann") == "ann is deleted\n"

    assert not User.objects.exists()


def test_without_a_terminal_a_deletion_must_be_meant(monkeypatch, ledger):
    make_user("ann")
    monkeypatch.setattr("sys.stdin", io.StringIO("ann\n"))

    with pytest.raises(CommandError, match="--yes"):
        run("delete_user", "ann")
    run("delete_user", "ann", "--yes")

    with pytest.raises(CommandError, match="no account ann"):
        run("delete_user", "ann", "--yes")


def test_a_damaged_ledger_is_named(settings, ledger):
    Path(settings.DELETION_LEDGER).write_text("damage\n")

    with pytest.raises(CommandError, match=r"deletions\.jsonl, line 1"):
        run("replay_deletions")

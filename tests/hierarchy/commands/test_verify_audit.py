import io

import pytest
from django.core.management import CommandError, call_command

from tests.hierarchy.actions.test_audit import SERVICE, append_many, execute, tamper

pytestmark = pytest.mark.django_db


def verify(*arguments):
    output = io.StringIO()
    call_command("verify_audit", *arguments, stdout=output)
    return output.getvalue().strip()


def test_it_prints_a_head_that_can_be_given_to_it_later():
    append_many(2)
    kept = verify()
    append_many(1)

    assert kept.startswith("2:")
    assert verify("--head", kept).startswith("3:")


def test_an_empty_log_has_a_head_too():
    assert verify("--head", verify()) == f"0:{'00' * 32}"


def test_it_fails_and_names_the_first_entry_that_does_not_fit():
    append_many(4)
    tamper("UPDATE hierarchy_auditentry SET subject = 'account:9' WHERE number > 2")

    with pytest.raises(CommandError, match="broken: entry 3 was changed"):
        verify()


def test_it_fails_where_the_end_was_cut_off():
    append_many(4)
    kept = verify()
    tamper("DELETE FROM hierarchy_auditentry WHERE number = 4")

    assert verify().startswith("3:")
    with pytest.raises(CommandError, match="entry 4 is missing"):
        verify("--head", kept)


def test_it_fails_where_a_role_may_write():
    execute(f"GRANT UPDATE ON hierarchy_auditentry TO {SERVICE}")

    with pytest.raises(CommandError, match=f"may be written to by {SERVICE}"):
        verify()


@pytest.mark.parametrize("head", ["", "4", "4:", "4:zz", "x:" + "00" * 32, "-1:" + "00" * 32, "1:00"])
def test_a_head_that_cannot_be_one_is_refused(head):
    with pytest.raises(CommandError, match="is no NUMBER:HASH"):
        verify(f"--head={head}")

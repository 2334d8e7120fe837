#!/usr/bin/env python
"""Django's commands. Without DATABASE_URL they use the servers that `make run` has running."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError

from config.embedded.environment import read_running_environment
from config.embedded.launcher import RUN_FOLDER


def main() -> None:
    """Runs the command. What its caller can mend is one line on standard error, with --traceback all of it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if not os.environ.get("DATABASE_URL"):
        os.environ.pop("DATABASE_URL", None)
        for name, value in read_running_environment(folder=RUN_FOLDER).items():
            os.environ.setdefault(name, value)
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, OperationalError, InterfaceError, UnicodeError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(describe_failure(error))


def describe_failure(error: Exception) -> str:
    """One line for the person who called the command."""
    reason = " ".join(str(error).split())
    if isinstance(error, ImproperlyConfigured):
        return reason
    if isinstance(error, UnicodeError):
        return f"The input is not text in UTF-8: {reason}"
    # A server that answers gives its errors a code.
    is_away = getattr(error.__cause__, "pgcode", None) is None
    return f"The database {'cannot be reached' if is_away else 'gave up'}: {reason}"


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""Django's commands. Without DATABASE_URL they use the servers that `make run` has running."""

import os
import sys

from config.embedded.environment import read_running_environment
from config.embedded.launcher import RUN_FOLDER


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "DATABASE_URL" not in os.environ:
        for name, value in read_running_environment(folder=RUN_FOLDER).items():
            os.environ.setdefault(name, value)
    from django.core.management import execute_from_command_line  # noqa: PLC0415 (after the environment is set)

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

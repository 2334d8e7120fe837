"""python -m config.embedded run | exec -- COMMAND ...

run   launches the whole service with its demo; --with-parent also stops it when the process that called it ends.
exec  runs one command with the environment of the service, for example: exec -- python manage.py shell
"""

import argparse
import signal
import sys
from pathlib import Path

from config.embedded import launcher
from config.embedded.process import StartError, stop_with_parent
from config.fetch import FetchError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded", description=__doc__)
    commands = parser.add_subparsers(dest="action", required=True)
    run = commands.add_parser("run")
    run.add_argument("--with-parent", action="store_true")
    run.add_argument(
        "--without-demo", action="store_true", help="an empty service: no WordNet, no pictures, no accounts"
    )
    run.add_argument("--folder", type=Path, default=launcher.RUN_FOLDER, help="where data and logs are kept")
    execute = commands.add_parser("exec")
    execute.add_argument("command", nargs="+")
    options = parser.parse_args()
    try:
        if options.action == "exec":
            launcher.run_command(arguments=options.command)
        else:
            if options.with_parent:
                stop_with_parent(number=signal.SIGTERM)
            launcher.run(folder=options.folder.resolve(), with_demo=not options.without_demo)
    except (launcher.LaunchError, StartError, FetchError, PermissionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

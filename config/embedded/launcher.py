"""`make run`: private servers, migrations, demo data, web, worker and beat, until Ctrl-C."""

import hashlib
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config import fetch
from config.embedded import environment, postgres, valkey
from config.embedded.folders import FolderInUseError, make_private_folder, place_counters, take_lock
from config.embedded.process import Child, Command, check_platform, start_child
from config.embedded.programs import CHECKOUT, Address, answers, describe_services
from config.embedded.supervisor import StopRequestedError, Supervisor

RUN_FOLDER = CHECKOUT / "var" / "run"
WEB_SECONDS = 60.0
LARGEST_PORT = 65535
METRICS_PORT = "9464"


class LaunchError(Exception):
    """The service cannot be launched as asked; nothing has been started."""


def run(*, folder: Path = RUN_FOLDER, with_demo: bool = True) -> None:
    """Launch everything and stay until SIGINT, SIGTERM or SIGHUP. LaunchError, StartError, FetchError."""
    lock = _claim_folder(folder)
    try:
        address = read_address(os.environ)
        check_free(address)
        metrics = choose_metrics_address(os.environ)
        demo = _fetch_demo() if with_demo else ()
        with Supervisor(folder=folder, report=_report) as supervisor:
            variables, owner_url = _start_servers(supervisor=supervisor, folder=folder)
            _prepare(supervisor=supervisor, folder=folder, variables=variables, owner_url=owner_url, demo=demo)
            _empty_counters(folder)
            for command in describe_services(folder=folder, address=address, variables=variables, metrics=metrics):
                supervisor.start(name=command.name, start=_starter(command))
            if supervisor.wait_until(lambda: answers(address), seconds=WEB_SECONDS):
                _report(f"Veriset answers at {address.url} (Ctrl-C stops it; logs are in {folder / 'log'})")
                if metrics is not None:
                    _report(f"Metrics for Prometheus are at {metrics.url}metrics")
            else:
                _report(f"{address.url}livez does not answer; see {folder / 'log' / 'web.log'}")
            supervisor.watch()
    except StopRequestedError:
        _report("stopped")
    finally:
        environment.withdraw_environment(folder=folder)
        shutil.rmtree(place_counters(folder), ignore_errors=True)
        os.close(lock)


def run_command(*, arguments: Sequence[str], folder: Path = RUN_FOLDER) -> None:
    """Run one command with the environment of the service: the running one, else servers started for it alone.

    LaunchError, StartError (also when the command fails).
    """
    variables = environment.read_running_environment(folder=folder)
    if variables:
        os.execvpe(arguments[0], list(arguments), os.environ | variables)  # noqa: S606 (the caller's own command)
    lock = _claim_folder(folder)
    try:
        with Supervisor(folder=folder, report=_report) as supervisor:
            variables, owner_url = _start_servers(supervisor=supervisor, folder=folder)
            environment_of_command = os.environ | variables | {"DATABASE_OWNER_URL": owner_url}
            supervisor.run_to_end(
                command=Command(
                    name=arguments[0], arguments=tuple(arguments), environment=environment_of_command, folder=Path.cwd()
                )
            )
    except StopRequestedError:
        _report("stopped")
    finally:
        environment.withdraw_environment(folder=folder)
        os.close(lock)


def read_address(given: Mapping[str, str]) -> Address:
    """HOST and PORT. LaunchError names the variable."""
    port = _read_port(given, "PORT", default="8000", least=1)
    return Address(host=given.get("HOST") or "127.0.0.1", port=port)


def choose_metrics_address(given: Mapping[str, str]) -> Address | None:
    """METRICS_HOST and METRICS_PORT; None for port 0, and where nobody named a port and the usual one is taken, as by a second service.

    LaunchError names the variable.
    """
    port = _read_port(given, "METRICS_PORT", default=METRICS_PORT, least=0)
    address = Address(host=given.get("METRICS_HOST") or "127.0.0.1", port=port)
    if not port:
        return None
    try:
        check_free(address, prefix="METRICS_")
    except LaunchError as error:
        if given.get("METRICS_PORT"):
            raise
        _report(f"No metrics: {error}")
        return None
    return address


def _read_port(given: Mapping[str, str], name: str, *, default: str, least: int) -> int:
    text = given.get(name) or default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= LARGEST_PORT):
        raise LaunchError(f"{name} must be a whole number from {least} to {LARGEST_PORT}, not {text!r}.")
    return int(text)


def check_free(address: Address, *, prefix: str = "") -> None:
    """LaunchError when nothing can listen there; `prefix` begins the names of its variables."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise LaunchError(
                f"Cannot listen on {prefix}HOST={address.host} {prefix}PORT={address.port}: {reason}. "
                f"Choose another: make run {prefix}PORT={address.port + 1}"
            ) from error


def _claim_folder(folder: Path) -> int:
    check_platform()
    make_private_folder(folder)
    make_private_folder(folder / "log")
    try:
        return take_lock(folder / environment.LOCK)
    except FolderInUseError as error:
        raise LaunchError(f"Veriset already runs from {folder}; stop it there first.") from error


def _start_servers(*, supervisor: Supervisor, folder: Path) -> tuple[dict[str, str], str]:
    """Start the servers that the environment does not name: (variables of the service, the owner role's URL)."""
    database_url = os.environ.get("DATABASE_URL", "")
    owner_url = os.environ.get("DATABASE_OWNER_URL") or database_url
    if not database_url:
        home = folder / "postgres"
        supervisor.start(name="postgres", start=lambda: postgres.start_postgres(home=home))
        database_url, owner_url = postgres.app_url(home=home), postgres.owner_url(home=home)
    redis_url = os.environ.get("REDIS_URL", "")
    if not redis_url:
        supervisor.start(name="valkey", start=lambda: valkey.start_valkey(home=folder / "valkey"))
        redis_url = valkey.redis_url(home=folder / "valkey")
    variables = environment.describe_environment(
        folder=folder, database_url=database_url, redis_url=redis_url, given=os.environ
    )
    # Services are not told who owns the tables; commands in other terminals may back them up.
    environment.publish_environment(folder=folder, environment=variables | {"DATABASE_OWNER_URL": owner_url})
    return variables, owner_url


def _empty_counters(folder: Path) -> None:
    shutil.rmtree(place_counters(folder), ignore_errors=True)
    make_private_folder(place_counters(folder))


def _fetch_demo() -> tuple[str, ...]:
    """The command that prepares the demo, once what it needs is on this machine."""
    _report("Looking for WordNet and the demo's drawings (downloaded once) ...")
    return "prepare_demo", "--wordnet", str(fetch.ensure_wordnet()), "--pictures", str(fetch.ensure_pictures())


def _prepare(
    *,
    supervisor: Supervisor,
    folder: Path,
    variables: Mapping[str, str],
    owner_url: str,
    demo: tuple[str, ...],
) -> None:
    static, collected = _digest_static(), folder / "static.sha256"
    is_collected = collected.exists() and collected.read_text() == static
    steps: tuple[tuple[tuple[str, ...], dict[str, str], Path | None], ...] = (
        (("migrate", "--noinput", "--skip-checks"), {"DATABASE_URL": owner_url}, folder / "log" / "migrate.log"),
        (demo, {}, None),
        (() if is_collected else ("collectstatic", "--noinput"), {}, folder / "log" / "collectstatic.log"),
    )
    for arguments, changed, log in steps:
        if not arguments:
            continue
        command = Command(
            name=f"manage.py {arguments[0]}",
            arguments=(sys.executable, "manage.py", *arguments),
            environment=os.environ | dict(variables) | changed,
            folder=CHECKOUT,
            log=log,
        )
        _report(f"{command.name} ...")
        supervisor.run_to_end(command=command)
    collected.write_text(static)


def _digest_static() -> str:
    """SHA-256 of all that collectstatic reads: our files, and the versions of the packages that bring more."""
    digest = hashlib.sha256((CHECKOUT / "requirements.txt").read_bytes())
    for file in sorted((CHECKOUT / "static").rglob("*")):
        if file.is_file():
            digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()


def _starter(command: Command) -> Callable[[], Child]:
    return lambda: start_child(command=command)


def _report(line: str) -> None:
    print(line, flush=True)

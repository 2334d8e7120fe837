import json
import os
import signal

import pytest

from tests.config.embedded.conftest import is_alive, wait_until

pytestmark = pytest.mark.functional

SUPERVISE = """
import os, sys
from pathlib import Path
from config.embedded import guard
from config.embedded.process import Command, start_child
from config.embedded.supervisor import StopRequestedError, Supervisor

folder = Path(sys.argv[1])
guard.GRACE_SECONDS = 1.0

def add(supervisor, name, source):
    command = Command(
        name=name, arguments=(sys.executable, "-c", source), environment=os.environ, log=folder / name, grace_seconds=2
    )
    supervisor.start(name=name, start=lambda: start_child(command=command))

WAITS = '''
import signal, sys, time
def leave(*_):
    print("left", time.monotonic_ns(), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
time.sleep(60)
'''
STUBBORN = '''
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
'''
try:
    with Supervisor(folder=folder, report=lambda line: print(line, flush=True)) as supervisor:
        add(supervisor, "first", WAITS)
        add(supervisor, "second", WAITS)
        for name in sys.argv[2:]:
            add(supervisor, name, {"stubborn": STUBBORN, "short": "pass"}[name])
        supervisor.watch()
except StopRequestedError:
    print("stopped", flush=True)
"""


def read_processes(folder):
    try:
        return json.loads((folder / "processes.json").read_text())
    except FileNotFoundError:
        return {}


def wait_for_services(folder, *names):
    wait_until(lambda: set(names) <= set(read_processes(folder)) and all((folder / name).exists() for name in names))
    wait_until(lambda: all((folder / name).read_text() for name in names))


def test_killed_service_is_started_again(tmp_path, run_script):
    run_script(SUPERVISE, tmp_path)
    wait_for_services(tmp_path, "first", "second")
    before = read_processes(tmp_path)

    os.kill(before["first"], signal.SIGKILL)
    wait_until(lambda: read_processes(tmp_path).get("first") not in {None, before["first"]})

    after = read_processes(tmp_path)
    assert is_alive(after["first"])
    assert after["second"] == before["second"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_the_services_in_reverse_order(tmp_path, run_script, number):
    process = run_script(SUPERVISE, tmp_path)
    wait_for_services(tmp_path, "first", "second")

    process.send_signal(number)
    output, _ = process.communicate(timeout=20)

    left = {name: int((tmp_path / name).read_text().split()[-1]) for name in ("first", "second")}
    assert (output, process.returncode) == ("stopped\n", 0)
    assert left["second"] < left["first"]
    assert not (tmp_path / "processes.json").exists()


def test_killed_supervisor_takes_even_stubborn_services_and_their_children_along(tmp_path, run_script):
    process = run_script(SUPERVISE, tmp_path, "stubborn")
    wait_for_services(tmp_path, "first", "second", "stubborn")
    before = read_processes(tmp_path)
    everybody = {*before.values(), int((tmp_path / "stubborn").read_text())}
    assert all(map(is_alive, everybody))

    process.kill()
    run_script(SUPERVISE, tmp_path)
    wait_until(lambda: read_processes(tmp_path).get("second") not in {None, before["second"]})

    assert not any(map(is_alive, everybody)), "the next supervisor starts when everything of the killed one is gone"


def test_service_that_keeps_dying_is_retried_and_leaves_the_others_alone(tmp_path, run_script):
    process = run_script(SUPERVISE, tmp_path, "short")
    wait_for_services(tmp_path, "first", "second")
    before = read_processes(tmp_path)
    for _ in range(3):
        assert process.stdout.readline() == "short ended with code 0; starting it again\n"

    after = read_processes(tmp_path)
    assert (after["first"], after["second"]) == (before["first"], before["second"])

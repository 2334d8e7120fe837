import os
import signal
import subprocess
import sys

import pytest

from config.embedded.process import Command, StartError, run_to_end, runs_with_argument, start_child
from tests.config.embedded.conftest import is_alive, wait_until

pytestmark = pytest.mark.functional

PARENT = """
import os, signal, sys, time
from pathlib import Path
from config.embedded.process import Command, start_child
child = start_child(command=Command(name="sleep", arguments=("sleep", "60"), environment=os.environ))
print(child.pid, flush=True)
time.sleep(60)
"""


def python_command(source, *, log=None, grace_seconds=10.0):
    return Command(
        name="script",
        arguments=(sys.executable, "-c", source),
        environment=os.environ,
        log=log,
        grace_seconds=grace_seconds,
    )


def test_child_ends_when_its_parent_is_killed(run_script):
    parent = run_script(PARENT)
    pid = int(parent.stdout.readline())
    assert is_alive(pid)

    parent.kill()

    wait_until(lambda: not is_alive(pid))


def test_stop_kills_a_child_that_ignores_the_stop_signal(tmp_path, children):
    source = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = start_child(command=python_command(source, log=tmp_path / "log", grace_seconds=0.2))
    children.append(child)
    wait_until(lambda: "deaf" in (tmp_path / "log").read_text())

    child.stop()

    assert child.exit_code == -signal.SIGKILL


def test_end_of_a_child_takes_its_own_children_along(tmp_path):
    source = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    child = start_child(command=python_command(source, log=tmp_path / "log"))

    assert child.wait(seconds=20)

    wait_until(lambda: not is_alive(int((tmp_path / "log").read_text())))


def test_child_runs_in_a_session_of_its_own(children):
    child = start_child(command=Command(name="sleep", arguments=("sleep", "60"), environment=os.environ))
    children.append(child)

    assert os.getsid(child.pid) == child.pid


def test_failed_command_shows_the_end_of_its_log(tmp_path):
    command = python_command("print('the reason'); raise SystemExit(3)", log=tmp_path / "log")

    with pytest.raises(StartError, match=r"(?s)script ended with code 3.*the reason"):
        run_to_end(command=command, seconds=20)


def test_command_that_takes_too_long_is_stopped():
    with pytest.raises(StartError, match="script took longer"):
        run_to_end(command=python_command("import time; time.sleep(60)"), seconds=0.1)


def test_missing_program_is_a_start_error():
    with pytest.raises(StartError, match="nothing cannot be started"):
        start_child(command=Command(name="nothing", arguments=("/does/not/exist",), environment={}))


def test_running_program_is_recognised_by_its_argument(children):
    child = start_child(command=Command(name="sleep", arguments=("sleep", "61"), environment=os.environ))
    children.append(child)

    assert runs_with_argument(pid=child.pid, argument="61")
    assert not runs_with_argument(pid=child.pid, argument="62")


def test_zombie_does_not_count_as_running():
    with subprocess.Popen(["sleep", "63"]) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert os.path.exists(f"/proc/{process.pid}")  # noqa: PTH110
        assert not runs_with_argument(pid=process.pid, argument="63")

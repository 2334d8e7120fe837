"""Two hosts of a network inside this machine do the work of one together: HOSTS=1 and root (make test-hosts)."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.scale.network import find_obstacle, lay_network, list_traces
from tests.functional.pictures import NOUNS
from tests.functional.service import CHECKOUT, describe_outside, restore_signals

pytestmark = [pytest.mark.functional, pytest.mark.xdist_group("hosts")]
SMALL = ("--questions", "10000", "--hosts", "2", "--seconds", "4", "--pictures", "6", "--verify")
MOST_SECONDS = 900
# Leaves a process in a host behind, too.
KILLED = """
import os, signal, subprocess, time
from benchmarks.scale.network import lay_network
from config.embedded.process import Command

with lay_network(hosts=2) as hosts:
    sleep = hosts[0].place(Command(name="sleep", arguments=("sleep", "4321"), environment=os.environ))
    subprocess.Popen(sleep.arguments)
    while not (hosts[0].groups[0] / "cgroup.procs").read_text():
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if os.environ.get("HOSTS") != "1":
        pytest.skip("HOSTS is not 1: network namespaces and control groups are made only when asked for")
    if obstacle := find_obstacle():
        pytest.skip(obstacle)
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def found(folder):
    """What the benchmark prints, in a process of its own: this one may reach no network."""
    command = (sys.executable, "-m", "benchmarks.scale.hosts", *SMALL, "--folder", str(folder))
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=describe_outside() | {"WORDNET": str(NOUNS)},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
        preexec_fn=restore_signals,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_both_hosts_answer_pages_and_every_vote_is_there_once(found):
    run = found["web"]["hosts"]["2"]

    assert min(run["votes_confirmed"]) > 0
    assert run["votes_kept"] == run["votes_confirmed"]
    assert run["rows"] == sum(run["votes_confirmed"])
    assert run["refused"] == 0


def test_both_hosts_work_on_one_estimation(found):
    run = found["estimation"]["hosts"]["2"]

    assert run["result"].startswith("snapshot ")
    assert min(run["tasks"]) > 0
    assert min(run["processor_seconds"]) > 0


def test_both_hosts_bring_their_pictures(found):
    run = found["intake"]["hosts"]["2"]

    assert run["pictures"] == 12
    assert min(run["processor_seconds"]) > 0


def test_no_promise_is_broken(found):
    assert found["verified"]


def test_nothing_of_the_network_is_left(found, folder):
    assert list_traces() == []
    assert list_processes(str(folder)) == []


def test_the_next_run_removes_what_a_killed_one_left(folder):
    subprocess.run((sys.executable, "-c", KILLED), cwd=CHECKOUT, timeout=60, check=False)
    assert len(list_traces()) > 0

    with lay_network(hosts=1) as hosts:
        assert [host.name for host in hosts] == ["veriset-host-1"]

    assert list_traces() == []
    assert list_processes("sleep 4321") == []


def list_processes(text):
    """The numbers of processes that name `text` in their command line."""
    done = subprocess.run(("pgrep", "--full", text), capture_output=True, text=True, check=False)
    return done.stdout.split()

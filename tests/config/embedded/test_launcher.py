import json
import os
import shutil
import signal
import socket
import sys

import pytest

from config.embedded import environment, launcher
from config.embedded.folders import take_lock
from config.embedded.launcher import LaunchError, check_free, choose_metrics_address, read_address
from config.embedded.programs import Address
from tests.config.embedded.conftest import is_alive, wait_until

EXECUTE = """
import sys
from pathlib import Path
from config.embedded import launcher
launcher.run_command(arguments=sys.argv[2:], folder=Path(sys.argv[1]))
"""
CONNECT = """
import os, psycopg2, redis
connection = psycopg2.connect(os.environ["DATABASE_URL"])
cursor = connection.cursor()
cursor.execute("SELECT current_user")
print(cursor.fetchone()[0], redis.Redis.from_url(os.environ["REDIS_URL"]).ping())
"""


@pytest.fixture
def folder(new_home, tmp_path):
    shutil.copytree(new_home, tmp_path / "postgres", ignore=shutil.ignore_patterns("socket"))
    return tmp_path


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eighty", "80.5", "٨٠"])
def test_port_that_is_no_port_is_refused_by_name(port):
    with pytest.raises(LaunchError, match="PORT must be a whole number from 1 to 65535"):
        read_address({"PORT": port})


def test_address_is_local_unless_told_otherwise():
    assert read_address({}) == Address(host="127.0.0.1", port=8000)
    assert read_address({"PORT": "8001", "HOST": "0.0.0.0"}) == Address(host="0.0.0.0", port=8001)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80/"), ("0.0.0.0", "http://127.0.0.1:80/"), ("::1", "http://[::1]:80/")],
)
def test_address_is_shown_as_somebody_on_this_machine_reaches_it(host, url):
    assert Address(host=host, port=80).url == url


def test_port_in_use_is_refused_by_number():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(LaunchError, match=f"PORT={port}: Address already in use"):
            check_free(Address(host="127.0.0.1", port=port))


def test_metrics_are_off_where_their_port_is_0():
    assert choose_metrics_address({"METRICS_PORT": "0"}) is None


def test_metrics_are_left_out_where_only_the_usual_port_is_taken(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LaunchError, match=f"METRICS_PORT={port}: Address already in use"):
            choose_metrics_address({"METRICS_PORT": str(port)})
        monkeypatch.setattr(launcher, "METRICS_PORT", str(port))

        assert choose_metrics_address({}) is None
    assert capsys.readouterr().out.startswith("No metrics: Cannot listen on METRICS_HOST=127.0.0.1")


def test_second_launch_in_the_same_folder_is_refused(tmp_path):
    lock = take_lock(tmp_path / environment.LOCK)

    with pytest.raises(LaunchError, match=f"Veriset already runs from {tmp_path}"):
        launcher.run(folder=tmp_path)

    os.close(lock)


@pytest.mark.functional
def test_port_error_is_one_line_and_starts_nothing(tmp_path, run_script):
    script = (
        "import sys; sys.argv = ['', 'run']; import os; os.environ['PORT'] = 'x'; import config.embedded.launcher as l;"
    )
    script += f"from pathlib import Path; l.run.__kwdefaults__['folder'] = Path({str(tmp_path)!r});"
    script += "from config.embedded.__main__ import main; sys.exit(main())"

    process = run_script(script)
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 1
    assert output == "PORT must be a whole number from 1 to 65535, not 'x'.\n"
    assert not (tmp_path / "postgres").exists()


@pytest.mark.functional
def test_command_finds_servers_already_running(folder, run_script):
    running = run_script(EXECUTE, folder, "sleep", "60")
    wait_until((folder / "environment.json").exists)

    output, _ = run_script(EXECUTE, folder, sys.executable, "-c", CONNECT).communicate(timeout=30)
    assert output == "veriset_app True\n"
    owner_url = json.loads((folder / "environment.json").read_text())["DATABASE_OWNER_URL"]
    assert owner_url.startswith("postgres://veriset@")
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)

    assert not (folder / "environment.json").exists()


@pytest.mark.functional
def test_killed_launcher_takes_its_servers_along_and_the_next_command_starts_them_again(folder, run_script):
    killed = run_script(EXECUTE, folder, "sleep", "60")
    wait_until((folder / "environment.json").exists)
    processes = json.loads((folder / "processes.json").read_text())
    assert set(processes) == {"postgres", "valkey"}

    killed.kill()

    wait_until(lambda: not any(map(is_alive, processes.values())))
    assert environment.read_running_environment(folder=folder) == {}
    output, _ = run_script(EXECUTE, folder, sys.executable, "-c", CONNECT).communicate(timeout=30)
    assert output == "veriset_app True\n"


def test_port_in_use_is_refused_before_anything_is_fetched(tmp_path, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HOST", "127.0.0.1")
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))

        with pytest.raises(LaunchError, match="Address already in use"):
            launcher.run(folder=tmp_path, with_demo=True)

    assert capsys.readouterr().out == ""

import os
import signal

import pytest
from redis import Redis

from config.embedded import valkey
from config.embedded.process import StartError
from config.embedded.valkey import redis_url, start_valkey
from tests.config.embedded.conftest import wait_until
from tests.functional.service import find_free_port

pytestmark = pytest.mark.functional


def connect(home):
    return Redis.from_url(f"{redis_url(home=home)}?db=1")


def kill(child):
    os.kill(child.pid, signal.SIGKILL)
    wait_until(child.has_ended)


def find_appended(home):
    (file,) = (home / valkey.APPENDED).glob("*.incr.aof")
    return file


def test_messages_survive_a_killed_server(tmp_path, children):
    child = start_valkey(home=tmp_path)
    connect(tmp_path).set("doorbell", "rung")

    kill(child)
    children.append(start_valkey(home=tmp_path))

    assert connect(tmp_path).get("doorbell") == b"rung"


def test_file_cut_short_is_read_as_far_as_it_goes(tmp_path, children):
    child = start_valkey(home=tmp_path)
    connect(tmp_path).mset({"first": "1"})
    connect(tmp_path).mset({"second": "2"})
    kill(child)
    os.truncate(find_appended(tmp_path), find_appended(tmp_path).stat().st_size - 3)

    children.append(start_valkey(home=tmp_path))

    assert connect(tmp_path).mget("first", "second") == [b"1", None]


def test_file_that_cannot_be_read_is_set_aside(tmp_path, children):
    child = start_valkey(home=tmp_path)
    connect(tmp_path).set("doorbell", "rung")
    kill(child)
    find_appended(tmp_path).write_bytes(b"nonsense\r\n" * 20)

    children.append(start_valkey(home=tmp_path))

    assert connect(tmp_path).keys() == []
    assert len(list(tmp_path.glob("appendonlydir.damaged-*"))) == 1


def test_second_start_is_refused_while_the_server_runs(tmp_path, children, monkeypatch):
    children.append(start_valkey(home=tmp_path))
    monkeypatch.setattr(valkey, "LEFTOVER_SECONDS", 0.1)

    with pytest.raises(StartError, match="Valkey still runs in"):
        start_valkey(home=tmp_path)


def test_server_refuses_writes_rather_than_forget_messages(tmp_path, children):
    children.append(start_valkey(home=tmp_path))

    assert connect(tmp_path).config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_only_this_user_reaches_the_socket(tmp_path, children):
    home = tmp_path / "valkey"
    children.append(start_valkey(home=home))

    assert home.stat().st_mode & 0o777 == 0o700


def test_it_also_answers_at_an_address_when_asked_to(tmp_path, children):
    port = find_free_port()
    children.append(start_valkey(home=tmp_path, listen=("127.0.0.1", port)))
    connect(tmp_path).set("doorbell", "rung")

    assert Redis(port=port, db=1).get("doorbell") == b"rung"

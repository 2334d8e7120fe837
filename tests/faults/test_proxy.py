"""What passes through the proxy, and what each fault does to it."""

import socket
import threading
import time

import pytest

from tests.faults.proxy import BlackHole, CutMessage, Proxy, Slow

ANSWER_SECONDS = 5


@pytest.fixture
def heard():
    return []


@pytest.fixture
def proxy(tmp_path, heard):
    """Before a server that answers each message with the same one, and notes it."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "server"))
    listener.listen()

    def serve(connection):
        with connection:
            while data := connection.recv(100):
                heard.append(data)
                connection.sendall(data)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    made = Proxy(listen=tmp_path / "proxy", server=tmp_path / "server")
    yield made
    made.close()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def client(proxy):
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(ANSWER_SECONDS)
        made.connect(str(proxy.address))
        yield made


def ask(client, message):
    client.sendall(message)
    return client.recv(100)


def test_without_a_fault_everything_passes(client, heard):
    assert [ask(client, b"one"), ask(client, b"two")] == [b"one", b"two"] == heard


def test_a_message_cut_before_it_arrives_is_never_heard(proxy, client, heard):
    proxy.fault = CutMessage(begins=b"COMMIT", share=1, after=0, seed=1)

    assert ask(client, b"SELECT") == b"SELECT"
    assert ask(client, b"COMMIT") == b""
    assert (heard, proxy.fault.cuts) == ([b"SELECT"], 1)


def test_a_message_cut_after_it_arrived_is_heard_and_not_answered(proxy, client, heard):
    proxy.fault = CutMessage(begins=b"COMMIT", share=1, after=1, seed=1)

    assert ask(client, b"COMMIT") == b""
    assert heard == [b"COMMIT"]


def test_what_is_slow_comes_later(proxy, client):
    proxy.fault = Slow(seconds=0.1)
    begun = time.monotonic()

    assert ask(client, b"one") == b"one"
    assert time.monotonic() - begun >= 0.2


def test_what_a_black_hole_swallowed_never_comes_and_the_link_is_dead(proxy, client, heard):
    proxy.fault = BlackHole()
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ask(client, b"one")
    proxy.fault = None

    with pytest.raises(TimeoutError):
        ask(client, b"two")
    assert heard == []

"""A proxy between a client and a server through which a test harms what passes: cut, reset, delayed, swallowed."""

import contextlib
import random
import socket
import struct
import threading
import time
from pathlib import Path

Address = Path | tuple[str, int]
CHUNK_BYTES = 65536
NO_LINGER = struct.pack("ii", 1, 0)


class Fault:
    """What is done to the bytes of a link. The usual: nothing."""

    def from_client(self, link: "Link", data: bytes) -> bytes:
        return data

    def from_server(self, link: "Link", data: bytes) -> bytes:
        return data


class Link:
    """One client's connection and the one to the server behind it. `is_doomed`: cut with the server's next word; `is_dead`: it has lost
    something, and nothing passes any more."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.is_doomed = self.is_dead = False

    def cut(self) -> None:
        """At once, on both sides; over TCP by a reset."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if end.family != socket.AF_UNIX:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                end.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                end.close()


class CutMessage(Fault):
    """Of the client's messages that begin as given, a share is cut off: one half before the server has it, the other when it has answered,
    but the client does not hear it."""

    def __init__(self, *, begins: bytes, holds: bytes = b"", share: float, after: float, seed: int) -> None:
        self.begins, self.holds, self.share, self.after = begins, holds, share, after
        self.cuts = 0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def from_client(self, link: Link, data: bytes) -> bytes:
        if not (data.startswith(self.begins) and self.holds in data):
            return data
        with self._lock:
            hit, after = self._chance.random() < self.share, self._chance.random() < self.after
            self.cuts += hit
        if hit and not after:
            link.cut()
            return b""
        link.is_doomed = hit
        return data

    def from_server(self, link: Link, data: bytes) -> bytes:
        if link.is_doomed:
            link.cut()
            return b""
        return data


class Slow(Fault):
    """Everything comes later."""

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds

    def from_client(self, link: Link, data: bytes) -> bytes:
        time.sleep(self.seconds)
        return data

    from_server = from_client


class BlackHole(Fault):
    """Nothing comes, and nobody is told. A link that lost something is dead for good, as after a firewall that forgot it."""

    def from_client(self, link: Link, data: bytes) -> bytes:
        link.is_dead = True
        return b""

    from_server = from_client


class Proxy:
    """Listens, and passes on to the server until `close`. `fault` may be set and taken away at any time."""

    def __init__(self, *, listen: Address, server: Address) -> None:
        self.address = listen
        self.server = server
        self.fault: Fault | None = None
        self._listener = _open_socket(listen)
        if isinstance(listen, Path):
            listen.unlink(missing_ok=True)
            self._listener.bind(str(listen))
        else:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(listen)
        self._listener.listen(256)
        self._links: set[Link] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in list(self._links):
            link.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = _open_socket(self.server)
            try:
                server.connect(str(self.server) if isinstance(self.server, Path) else self.server)
            except OSError:
                client.close()
                server.close()
                continue
            link = Link(client, server)
            self._links.add(link)
            for source, sink, way in ((client, server, "from_client"), (server, client, "from_server")):
                threading.Thread(target=self._pump, args=(link, source, sink, way), daemon=True).start()

    def _pump(self, link: Link, source: socket.socket, sink: socket.socket, way: str) -> None:
        try:
            while data := source.recv(CHUNK_BYTES):
                # Read once: it may be taken away meanwhile.
                fault = self.fault
                if fault is not None:
                    data = getattr(fault, way)(link, data)
                if data and not link.is_dead:
                    sink.sendall(data)
        except OSError:
            pass
        self._links.discard(link)
        link.cut()


def _open_socket(address: Address) -> socket.socket:
    return socket.socket(socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET)

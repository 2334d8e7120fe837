"""The pipe between the processor and its workers: JSON headers and raw bytes, each with its length before it."""

import json
import struct
from typing import IO, Any

MAX_FRAME_BYTES = 64_000_000

_LENGTH = struct.Struct(">I")


def write_frame(*, stream: IO[bytes], payload: bytes) -> None:
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def read_frame(*, stream: IO[bytes]) -> bytes:
    """The next frame. EOFError when the other side has gone, ValueError when it announces an absurd length."""
    (length,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return _read_exactly(stream, length)


def write_json(*, stream: IO[bytes], value: dict[str, Any]) -> None:
    write_frame(stream=stream, payload=json.dumps(value).encode())


def read_json(*, stream: IO[bytes]) -> dict[str, Any]:
    """The next frame as a JSON object. EOFError and ValueError as in `read_frame`, ValueError for anything else."""
    value = json.loads(read_frame(stream=stream))
    if not isinstance(value, dict):
        raise TypeError("a frame that is not a JSON object")
    return value


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data

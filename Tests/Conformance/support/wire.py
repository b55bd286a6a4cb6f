"""Kafka frames by hand, for what no client would send or show."""

from __future__ import annotations

import io
import socket
import struct
from dataclasses import dataclass

PRODUCE, FETCH, METADATA, FIND_COORDINATOR, API_VERSIONS, INIT_PRODUCER_ID = 0, 1, 3, 10, 18, 22

I8, I16, I32, I64 = (struct.Struct(form) for form in (">b", ">h", ">i", ">q"))


def string(text: str | None) -> bytes:
    """A nullable string of the inflexible encodings."""
    return I16.pack(-1) if text is None else I16.pack(len(text.encode())) + text.encode()


def frame(key: int, version: int, body: bytes, correlation: int = 1) -> bytes:
    """A request with its length and its header; the flexible ones need their tag buffer in `body`."""
    request = struct.pack(">hhi", key, version, correlation) + string("conformance") + body
    return I32.pack(len(request)) + request


class Reader:
    """Takes a response apart from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def take(self, form: struct.Struct) -> int:
        return form.unpack(self._data.read(form.size))[0]

    def string(self) -> str | None:
        length = self.take(I16)
        return None if length < 0 else self._data.read(length).decode()

    def bytes(self) -> bytes:
        return self._data.read(max(self.take(I32), 0))

    def small(self) -> int:
        """An unsigned varint below 128: the length of a short compact string or array, plus one."""
        value = self._data.read(1)[0]
        assert value < 128, "the varint is longer than one byte"
        return value

    def raw(self, count: int) -> bytes:
        return self._data.read(count)

    def rest(self) -> bytes:
        return self._data.read()


def connect(address: str, seconds: float = 30) -> socket.socket:
    """A connection to `host:port`."""
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=seconds)


def receive(connection: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes; raises `ConnectionError` when the other side has closed."""
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("the connection was closed")
        data += part
    return bytes(data)


def ask(address: str, key: int, version: int, body: bytes) -> Reader:
    """The body of the answer to one request, after its correlation id."""
    with connect(address.split(",")[0]) as connection:
        connection.sendall(frame(key, version, body))
        answer = Reader(receive(connection, I32.unpack(receive(connection, 4))[0]))
        assert answer.take(I32) == 1, "the answer belongs to another request"
        return answer


def api_versions(address: str) -> dict[int, tuple[int, int]]:
    """The versions the broker says it speaks, for each API key."""
    answer = ask(address, API_VERSIONS, 0, b"")
    assert answer.take(I16) == 0
    return {answer.take(I16): (answer.take(I16), answer.take(I16)) for _ in range(answer.take(I32))}


@dataclass(frozen=True)
class Batch:
    """The header of a stored record batch."""

    base_offset: int
    records: int
    codec: str


@dataclass(frozen=True)
class Fetched:
    """One partition's part of a Fetch answer."""

    error: int
    data: bytes

    @property
    def batches(self) -> list[Batch]:
        return batches(self.data)


def fetch_body(topic: str, offset: int, wait: float, at_least: int = 1, at_most: int = 8 << 20) -> bytes:
    """The body of a Fetch 10 of partition 0."""
    head = struct.pack(">iiiibii", -1, int(wait * 1000), at_least, 8 << 20, 0, 0, -1)
    place = I32.pack(0) + I32.pack(-1) + I64.pack(offset) + I64.pack(-1) + I32.pack(at_most)
    return head + I32.pack(1) + string(topic) + I32.pack(1) + place + I32.pack(0)


def fetch(
    address: str, topic: str, offset: int, *, wait: float = 0.5, at_least: int = 1, at_most: int = 8 << 20
) -> Fetched:
    """What a Fetch 10 of partition 0 brings, waiting up to `wait` seconds for `at_least` bytes."""
    answer = ask(address, FETCH, 10, fetch_body(topic, offset, wait, at_least, at_most))
    assert (answer.take(I32), answer.take(I16), answer.take(I32)) == (0, 0, 0), "throttled, refused or in a session"
    assert (answer.take(I32), answer.string(), answer.take(I32), answer.take(I32)) == (1, topic, 1, 0)
    error = answer.take(I16)
    answer.raw(3 * 8)  # high watermark, last stable offset, start of the log
    answer.raw(16 * max(answer.take(I32), 0))  # aborted transactions
    return Fetched(error, answer.bytes())


def stored_batches(address: str, topic: str) -> list[Batch]:
    """The batches of partition 0 as they lie in the log; clients never show how a batch was compressed."""
    return fetch(address, topic, 0).batches


def batches(data: bytes) -> list[Batch]:
    """The batches in `data`, without one that is cut at the end."""
    found = []
    while len(data) >= 61:
        base, length = struct.unpack_from(">qi", data)
        if len(data) < 12 + length:
            break
        (attributes,) = struct.unpack_from(">h", data, 21)
        (count,) = struct.unpack_from(">i", data, 57)
        found.append(Batch(base, count, ("none", "gzip", "snappy", "lz4", "zstd")[attributes & 7]))
        data = data[12 + length :]
    return found

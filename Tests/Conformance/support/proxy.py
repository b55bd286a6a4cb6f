"""A TCP proxy that loses answers: the broker has done what was asked, and the client never hears of it.

Clients connect to the addresses in Metadata answers, so the proxy replaces those by its own.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from support.wire import I32, METADATA, Reader, connect, receive, string

Lose = Callable[[int], bool]


class Proxy:
    """Stands between clients and `brokers`. `lose(api key)` says of each answer whether to hang up instead."""

    def __init__(self, brokers: str, lose: Lose) -> None:
        self._lose = lose
        self._listeners: dict[str, socket.socket] = {}
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        self.address = self._stand_for(brokers.split(",")[0])

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for opened in [*self._listeners.values(), *self._connections]:
                hang_up(opened)

    def _stand_for(self, upstream: str) -> str:
        """The proxy's own address for the broker at `upstream`."""
        with self._lock:
            if upstream not in self._listeners:
                listener = socket.create_server(("127.0.0.1", 0))
                self._listeners[upstream] = listener
                threading.Thread(target=self._accept, args=(listener, upstream), daemon=True).start()
            return f"127.0.0.1:{self._listeners[upstream].getsockname()[1]}"

    def _accept(self, listener: socket.socket, upstream: str) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                broker = connect(upstream, 120)
                client.settimeout(120)
                with self._lock:
                    self._connections += [client, broker]
                asked: dict[int, tuple[int, int]] = {}
                for pump in (self._requests, self._answers):
                    threading.Thread(target=pump, args=(client, broker, asked), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket, asked: dict[int, tuple[int, int]]) -> None:
        with contextlib.suppress(OSError):
            while True:
                request = receive(client, I32.unpack(receive(client, 4))[0])
                key, version, correlation = struct.unpack_from(">hhi", request)
                asked[correlation] = (key, version)
                broker.sendall(I32.pack(len(request)) + request)
        hang_up(broker)

    def _answers(self, client: socket.socket, broker: socket.socket, asked: dict[int, tuple[int, int]]) -> None:
        with contextlib.suppress(OSError):
            while True:
                answer = receive(broker, I32.unpack(receive(broker, 4))[0])
                key, version = asked.pop(I32.unpack_from(answer)[0])
                if self._lose(key):
                    break
                if key == METADATA:
                    answer = self._with_own_addresses(answer, version)
                client.sendall(I32.pack(len(answer)) + answer)
        hang_up(client)
        hang_up(broker)

    def _with_own_addresses(self, answer: bytes, version: int) -> bytes:
        """A Metadata answer of any version, in which every broker is at the proxy."""
        return (self._flexible if version >= 9 else self._inflexible)(Reader(answer), version)

    def _inflexible(self, read: Reader, version: int) -> bytes:
        head = read.raw(8 if version >= 3 else 4)
        count = read.take(I32)
        brokers = b""
        for _ in range(count):
            node, host, port = read.raw(4), read.string(), read.take(I32)
            own_host, own_port = self._stand_for(f"{host}:{port}").split(":")
            brokers += node + string(own_host) + I32.pack(int(own_port))
            brokers += string(read.string()) if version >= 1 else b""
        return head + I32.pack(count) + brokers + read.rest()

    def _flexible(self, read: Reader, _: int) -> bytes:
        head = read.raw(9)  # correlation id, the header's empty tag buffer, throttle time
        count = read.small() - 1
        brokers = b""
        for _ in range(count):
            node, host, port = read.raw(4), read.raw(read.small() - 1).decode(), read.take(I32)
            own_host, own_port = self._stand_for(f"{host}:{port}").split(":")
            rack = read.small()
            rest = bytes([rack]) + read.raw(max(rack - 1, 0)) + read.raw(1)
            brokers += node + bytes([len(own_host) + 1]) + own_host.encode() + I32.pack(int(own_port)) + rest
        return head + bytes([count + 1]) + brokers + read.rest()


def hang_up(opened: socket.socket) -> None:
    """Closes a socket that another thread may be reading, which `close` alone would not wake."""
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()

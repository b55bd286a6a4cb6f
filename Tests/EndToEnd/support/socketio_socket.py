"""A client of Socket.IO over a WebSocket that sends exactly what a test says."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack

from websockets.sync.client import ClientConnection, connect

PATH = "/socket.io/?EIO=4&transport=websocket"
PATIENCE = 20.0


class SocketIOSocket:
    """One connection that has joined the namespace, and what came over it that was not yet asked for."""

    def __init__(self, url: str, token: str) -> None:
        address = url.replace("http://", "ws://") + PATH
        self.stack = ExitStack()
        self.connection: ClientConnection = self.stack.enter_context(
            connect(address, proxy=None, open_timeout=PATIENCE, close_timeout=1, max_size=None)
        )
        self.next("0")
        self.connection.send("40" + json.dumps({"token": token}))
        self.sid = json.loads(self.next("40")[2:])["sid"]

    def __enter__(self) -> SocketIOSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.stack.close()

    @property
    def gateway(self) -> str:
        """The gateway that the socket is connected to."""
        return self.sid.partition(".")[0]

    def next(self, begin: str) -> str:
        """The next packet that begins so; those before it are passed over."""
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.connection.recv(timeout=max(0.01, deadline - time.monotonic()))
            if text.startswith(begin):
                return text
            if text == "2":
                self.connection.send("3")

    def emit(self, name: str, data: object) -> None:
        self.connection.send("42" + json.dumps([name, data]))

    def event(self, name: str) -> dict:
        """The first argument of the next event of this name."""
        return json.loads(self.next(f'42["{name}"')[2:])[1]

    def call(self, name: str, data: object) -> dict:
        """Emits an event, and returns what it is acknowledged with."""
        self.connection.send("421" + json.dumps([name, data]))
        return json.loads(self.next("431")[3:])[0]

    def events_so_far(self, begin: str) -> int:
        """How many events whose names begin so come before the answer to something that is asked now."""
        self.connection.send("422" + json.dumps(["activity", {}]))
        count = 0
        while not (text := self.next("4")).startswith("432"):
            count += text.startswith(f'42["{begin}')
        return count


def connect_elsewhere(url: str, token: str, gateway: str) -> SocketIOSocket:
    """A socket at another gateway than this one, where several share one port."""
    for _ in range(200):
        socket = SocketIOSocket(url, token)
        if socket.gateway != gateway:
            return socket
        socket.close()
    raise AssertionError("200 connections went to the same gateway")

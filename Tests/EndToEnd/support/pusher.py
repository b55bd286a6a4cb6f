"""A client of the Pusher Channels protocol that sends exactly what a test says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.client import bearer

PATH = "/app/skillmesh?protocol=7&client=tests&version=1"
PATIENCE = 20.0


class Socket:
    """One connection, and what came over it that was not yet asked for."""

    def __init__(self, url: str, path: str = PATH) -> None:
        self.http = url
        address = url.replace("http://", "ws://") + path
        self.stack = ExitStack()
        self.connection: ClientConnection = self.stack.enter_context(
            connect(address, proxy=None, open_timeout=PATIENCE, close_timeout=1, max_size=None)
        )
        self.id = self.data(self.next("pusher:connection_established"))["socket_id"]

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.stack.close()

    @property
    def gateway(self) -> str:
        """The gateway that the socket is connected to."""
        return self.id.partition(".")[0]

    @property
    def port(self) -> int:
        """Where it comes from."""
        return self.connection.socket.getsockname()[1]

    @staticmethod
    def data(message: dict) -> dict:
        """The payload of a message, which is JSON in a string."""
        return json.loads(message["data"])

    def send(self, event: str, data: object, **members: str) -> None:
        self.connection.send(json.dumps({"event": event, "data": data, **members}))

    def next(
        self, event: str, is_wanted: Callable[[dict], bool] = lambda _: True, within: float = PATIENCE
    ) -> dict:
        """The next message of this event; those before it are passed over."""
        deadline = time.monotonic() + within
        while True:
            message = json.loads(self.connection.recv(timeout=max(0.01, deadline - time.monotonic())))
            if message["event"] == event and is_wanted(message):
                return message

    def authorize(self, channel: str, token: str) -> httpx.Response:
        """Asks for leave to subscribe, with a form as Pusher's libraries send it."""
        form = {"socket_id": self.id, "channel_name": channel}
        return httpx.post(f"{self.http}/api/v1/realtime/auth", data=form, headers=bearer(token), trust_env=False)

    def subscribe(self, channel: str, token: str, position: str | None = None) -> dict:
        """Subscribes with leave, and returns what the server says to it."""
        answer = self.authorize(channel, token)
        assert answer.status_code == 200, answer.text
        place = {"position": position} if position else {}
        self.send("pusher:subscribe", {"channel": channel, **answer.json(), **place})
        return self.next("pusher_internal:subscription_succeeded")

    def close_code(self) -> int:
        """The code with which the server ends the connection."""
        try:
            while True:
                self.connection.recv(timeout=PATIENCE)
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "the connection was cut"
            return closed.rcvd.code


def connect_elsewhere(url: str, other: Socket) -> Socket:
    """A socket at another gateway than `other`'s, where several share one port."""
    for _ in range(200):
        socket = Socket(url)
        if socket.gateway != other.gateway:
            return socket
        socket.close()
    raise AssertionError("200 connections went to the same gateway")

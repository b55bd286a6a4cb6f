"""One client of a library, as a process of its own. The first line of its input says who and where, each later one has a new
token; what it is told goes out, a line of JSON each: `connected`, `lost`, `stands`, and events by their names."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from urllib.parse import urlsplit

import httpx
import pysher
import socketio

from support.mesh import PUSHER_SECRET

# How long a client may be without all of its subscriptions until its user makes another one.
STANDS_WITHIN = 20.0
EVENTS = ("message.sent", "message.edited", "message.deleted", "skillmesh:missed")

lock = threading.Lock()


class Client:
    """What both have in common: which subscriptions stand, and since when something is missing."""

    def __init__(self, who: dict) -> None:
        self.who = who
        self.standing: set[str] = set()
        self.since = time.monotonic()
        self.is_over = False

    def say(self, name: str, channel: str | None = None, data: object = None) -> None:
        with lock:
            # The threads of a library may outlive its client for a while.
            if not self.is_over:
                print(json.dumps({"name": name, "channel": channel, "data": data}), flush=True)

    def end(self) -> None:
        self.lost()
        self.is_over = True
        self.close()

    @property
    def is_stuck(self) -> bool:
        if self.standing == set(self.who["channels"]):
            self.since = time.monotonic()
        return time.monotonic() > self.since + STANDS_WITHIN

    def connected(self) -> None:
        self.standing = set()
        self.say("connected")

    def lost(self, *_: object) -> None:
        self.standing = set()
        self.say("lost")

    def stands(self, channel: str, data: dict) -> None:
        self.standing.add(channel)
        self.say("stands", channel, data)

    # What differs between the libraries

    def show(self, token: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class PysherClient(Client):
    """Shows who it is with its token, and then signs its subscriptions itself: the library does not send back what a leave
    says of the member, so it cannot use a leave for a channel with a list of members."""

    def __init__(self, who: dict) -> None:
        super().__init__(who)
        self.pusher = pysher.Pusher(
            "skillmesh", secret=PUSHER_SECRET, custom_host="127.0.0.1", port=urlsplit(who["url"]).port, secure=False,
            user_data={"user_id": who["member"]}, reconnect_interval=1,
        )  # fmt: skip
        self.pusher.connection.bind("pusher:connection_established", self._established)
        self.pusher.connect()

    def _established(self, _: str) -> None:
        # Nothing is read before this returns, so no answer comes before somebody waits for it. The library does not sign
        # when it subscribes again by itself.
        self.connected()
        try:
            form = {"socket_id": self.pusher.connection.socket_id, "channel_name": next(iter(self.who["channels"]))}
            bearer = {"authorization": f"Bearer {self.who['token']}"}
            httpx.post(f"{self.who['url']}/api/v1/realtime/auth", data=form, headers=bearer, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            return self.pusher.connection.reconnect(1)
        for name in self.who["channels"]:
            channel = self.pusher.subscribe(name)
            channel.bind("pusher_internal:subscription_succeeded", lambda _, name=name: self.stands(name, {}))
            channel.bind("pusher:subscription_error", lambda _: self.pusher.connection.reconnect(1))
            for event in EVENTS:
                channel.bind(event, lambda data, name=name, event=event: self.say(event, name, json.loads(data)))

    @property
    def is_stuck(self) -> bool:
        if self.pusher.connection.state != "connected" and self.standing:
            self.lost()
        # Its thread ends when the server closes in order.
        return super().is_stuck or not self.pusher.connection.is_alive()

    def show(self, token: str) -> None:
        pass  # it is shown with the next connection

    def close(self) -> None:
        self.pusher.disconnect(timeout=0.1)


class SocketIOClient(Client):
    """Goes on from the last position, and shows new tokens before the old ones expire."""

    def __init__(self, who: dict) -> None:
        super().__init__(who)
        self.client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=1, handle_sigint=False)
        self.client.on("connect", self._established)
        self.client.on("disconnect", self.lost)
        self.client.on("*", self._told)
        try:
            self.client.connect(who["url"], auth=lambda: {"token": self.who["token"]}, transports=["websocket"], wait_timeout=10)
        except (socketio.exceptions.ConnectionError, ValueError):
            self.since = 0

    def _established(self) -> None:
        self.connected()
        for channel, position in self.who["channels"].items():
            where = {"position": position} if position else {}

            def answered(answer: dict, channel: str = channel) -> None:
                if answer["ok"]:
                    self.who["channels"][channel] = self.who["channels"][channel] or answer["position"]
                    self.stands(channel, answer)
                else:
                    self.since = 0

            self.client.emit("subscribe", {"channel": channel} | where, callback=answered)

    def _told(self, name: str, data: object = None, *_: object) -> None:
        if isinstance(data, dict) and data.get("channel") in self.who["channels"] and "position" in data:
            self.who["channels"][data["channel"]] = data["position"]
            self.say(name, data["channel"], data)

    def show(self, token: str) -> None:
        if self.client.connected:
            self.client.emit("authenticate", {"token": token})

    def close(self) -> None:
        self.client.shutdown()


def main() -> None:
    # What the libraries say of lost connections is no news.
    logging.disable()
    who = json.loads(sys.stdin.readline())
    make = PysherClient if who["dialect"] == "pysher" else SocketIOClient
    client = make(who)

    def follow() -> None:
        for line in sys.stdin:
            who["token"] = json.loads(line)["token"]
            client.show(who["token"])

    threading.Thread(target=follow, daemon=True).start()
    while True:
        time.sleep(0.5)
        if client.is_stuck:
            client.end()
            client = make(who)


main()

"""One device that listens to a conversation, as a process of its own: a client library as others wrote it, and around it
what every app does. Told by one line of JSON whom to be and what it knows already, it says by such lines what it learns.

When the connection is lost the library comes back by itself. Over Socket.IO the device goes on from the last `position`
that it saw, and loads only what it is told to have missed. Pysher knows no positions, so it loads what is behind the last
message without a gap (`afterSeq`) each time that it has come back.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
import urllib.request

import pysher
import socketio

PAGE = 100
PATIENCE = 20.0
# How soon the libraries try again, in seconds.
PAUSE = 0.2


class Device:
    """What both libraries have in common: what is known, and how the rest is loaded."""

    def __init__(self, told: dict) -> None:
        self.told = told
        self.channel = f"presence-conversation-{told['conversation']}"
        self.position: str | None = told["position"]
        self._after: int = told["after"]
        self._beyond: set[int] = set()
        self._lock = threading.Lock()
        self._wants_loading = threading.Event()
        threading.Thread(target=self._load, daemon=True).start()

    def run(self) -> None:
        raise NotImplementedError

    def say(self, **what: object) -> None:
        with self._lock:
            print(json.dumps(what), flush=True)

    def stands(self, *, is_resumed: bool) -> None:
        """The subscription stands. What was said before that is behind a position, or has to be loaded."""
        self.say(subscribed=True)
        if not is_resumed:
            self._wants_loading.set()

    def hear(self, message: dict, position: str | None = None) -> None:
        self.say(heard=[message["seq"], message["id"]], position=position)
        self._know(message["seq"])

    def misses(self) -> None:
        """The channel no longer remembers what was said since this device was there."""
        self.say(missed=True)
        self._wants_loading.set()

    def _know(self, seq: int) -> None:
        with self._lock:
            self._beyond.add(seq)
            while self._after + 1 in self._beyond:
                self._after += 1
                self._beyond.remove(self._after)

    def _load(self) -> None:
        while self._wants_loading.wait():
            self._wants_loading.clear()
            after = self._after
            while (page := self._page(after)) is not None:
                self.say(loaded=[[message["seq"], message["id"]] for message in page])
                for message in page:
                    after = message["seq"]
                    self._know(after)
                if len(page) < PAGE:
                    break
            else:
                time.sleep(PAUSE)
                self._wants_loading.set()

    def _page(self, after: int) -> list[dict] | None:
        answer = self.ask(f"/conversations/{self.told['conversation']}/messages?afterSeq={after}&limit={PAGE}")
        return None if answer is None else answer["items"]

    def ask(self, path: str, body: dict | None = None) -> dict | None:
        """Asks over HTTP, once; nothing if there was no good answer."""
        headers = {"authorization": f"Bearer {self.told['token']}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.told['url']}/api/v1{path}", content, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.say(trouble=f"{path.partition('?')[0].rpartition('/')[2]}: {getattr(error, 'code', type(error).__name__)}")
            return None


class PysherDevice(Device):
    """The library `pysher`. It knows no presence channels that somebody else gives leave for: the app asks for the leave,
    which signs its socket in, and then the library signs with the application's secret."""

    def run(self) -> None:
        while True:
            client = pysher.Pusher(
                "skillmesh", secret=self.told["secret"], user_data={"user_id": self.told["member"]},
                custom_host="127.0.0.1", port=int(self.told["url"].rpartition(":")[2]), secure=False,
                reconnect_interval=PAUSE,
            )  # fmt: skip
            client.connection.bind("pusher:connection_established", lambda _: self._subscribe(client))
            client.connect()
            # Its thread ends where a server closes the connection in order.
            client.connection.join()

    def _subscribe(self, client: pysher.Pusher) -> None:
        # On the library's own thread, so that no answer comes before somebody listens to it.
        if self.ask("/realtime/auth", {"socket_id": client.connection.socket_id, "channel_name": self.channel}) is None:
            return client.connection.reconnect(PAUSE)
        channel = client.subscribe(self.channel)
        channel.bind("pusher_internal:subscription_succeeded", lambda _: self.stands(is_resumed=False))
        channel.bind("message.sent", lambda data: self.hear(json.loads(data)))
        channel.bind("pusher:subscription_error", lambda _: client.connection.reconnect(PAUSE))


class SocketIODevice(Device):
    """The library `python-socketio`, over WebSocket: polls of one session would all have to come to one gateway. It calls
    handlers on a thread each, in no order; so the place to go on from is the last before the first that was not handled."""

    def __init__(self, told: dict) -> None:
        self._handled: set[int] = set()
        super().__init__(told)

    def run(self) -> None:
        self.client = client = socketio.Client(reconnection_delay=PAUSE, reconnection_delay_max=1, handle_sigint=False)
        # A handler must not wait for an answer: answers come on the same thread.
        client.on("connect", lambda: client.start_background_task(self._subscribe, client.get_sid()))
        client.on("message.sent", lambda data: self.hear(data, data["position"]))
        client.on("skillmesh:missed", lambda data: self._go_on_from(data["position"]) or self.misses())
        client.on("*", lambda name, *_: None)
        while True:
            try:
                auth = {"token": self.told["token"]}
                client.connect(self.told["url"], auth=auth, transports=["websocket"], wait_timeout=PATIENCE)
                client.wait()
            except socketio.exceptions.ConnectionError as error:
                self.say(trouble=f"connect: {error}")
                time.sleep(PAUSE)

    def hear(self, message: dict, position: str | None = None) -> None:
        with self._lock:
            self._handled.add(int(position.partition(":")[2]))
        self._go_on_from(self.position)
        super().hear(message, self.position)

    def _go_on_from(self, position: str | None) -> None:
        """Moves the place on over everything behind it that was handled."""
        if position is None:
            return  # the subscription's own answer is still to be handled
        with self._lock:
            latest = max(position, self.position or position, key=lambda one: int(one.partition(":")[2]))
            epoch, last = latest.partition(":")[0], int(latest.partition(":")[2])
            while last + 1 in self._handled:
                last += 1
            self._handled = {one for one in self._handled if one > last}
            self.position = f"{epoch}:{last}"

    def _subscribe(self, connection: str) -> None:
        if self.position:
            # What came over the connection before is handled by then, and is not told again.
            time.sleep(PAUSE)
        place = {"position": self.position} if self.position else {}
        while self.client.get_sid() == connection:
            try:
                answer = self.client.call("subscribe", {"channel": self.channel, **place}, timeout=PATIENCE)
            except socketio.exceptions.SocketIOError as error:
                self.say(trouble=f"subscribe: {type(error).__name__}")
                continue
            if answer["ok"]:
                if not place:
                    self._go_on_from(answer["position"])
                return self.stands(is_resumed=bool(place))
            self.say(trouble=f"subscribe: {answer['code']}")
            time.sleep(PAUSE)


def main() -> None:
    told = json.loads(sys.stdin.readline())
    device = {"pysher": PysherDevice, "socket.io": SocketIODevice}[told["library"]](told)
    # Whoever started it has gone away.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    device.run()


main()

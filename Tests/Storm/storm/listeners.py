"""Members who listen to their conversations over a socket, come back where they were, and remember what they were told."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from storm.members import Crowd, Member

# A dead connection is noticed within these, as clients on bad networks do it.
PING_EVERY, PING_WITHIN = 5.0, 10.0
# How long a subscription may take until it is asked for again.
SUBSCRIBE_WITHIN = 15.0
# Members who listen show once in so many seconds that they are there.
SHOW_EVERY = 60.0
PAGE = 100


@dataclass
class Track:
    """What one listener knows of one conversation."""

    conversation: str
    position: str | None = None
    heard: dict[int, str] = field(default_factory=dict)
    """The ids of the messages that it was told of, by their places."""
    fetched: dict[int, str] = field(default_factory=dict)
    """Those that it loaded, as one does at first and after `skillmesh:missed`."""
    epochs: dict[int, str] = field(default_factory=dict)
    """In which epoch of the channel each was heard."""
    states: dict[int, tuple[int, str | None]] = field(default_factory=dict)
    """The newest version that it knows of each message, and what that says; nothing of what was deleted."""
    wants_loading: bool = False
    missed: int = 0
    again: int = 0
    """How many it was told of twice, after Redis had lost its memory."""

    @property
    def channel(self) -> str:
        return f"presence-conversation-{self.conversation}"

    def know(self, message: dict) -> None:
        """It was told how a message is at some time; of two versions the higher is the newer."""
        seq, state = message["seq"], (message["version"], message.get("body"))
        if state[0] >= self.states.get(seq, (0, None))[0]:
            self.states[seq] = state


class Listener:
    """One client. `alive` runs until it is cancelled or dies."""

    dialect = ""

    def __init__(self, crowd: Crowd, member: Member) -> None:
        self.crowd, self.member = crowd, member
        self.tracks = {track.channel: track for track in map(Track, member.conversations)}
        self.connections = 0
        self.died: float | None = None
        self._dice = random.Random(crowd.dice.random())
        self._socket: ClientConnection | None = None
        self._standing: dict[str, asyncio.Event] = {}

    async def alive(self) -> None:
        """Listens, whatever happens."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_connected())
            group.create_task(self._load())
            group.create_task(self._show())

    def die(self) -> None:
        """Is gone without a word, as when a device loses its power; whoever runs `alive` cancels it."""
        self.died = time.monotonic()
        if self._socket:
            self._socket.transport.abort()
        self.member.connection.close()

    @property
    def is_listening(self) -> bool:
        """Whether all subscriptions stand, and nothing is still to be loaded."""
        stands = all(channel in self._standing and self._standing[channel].is_set() for channel in self.tracks)
        return stands and not any(track.wants_loading for track in self.tracks.values())

    # The connection

    async def _keep_connected(self) -> None:
        while True:
            try:
                async with connect(
                    self._address(), proxy=None, open_timeout=10, close_timeout=1, max_size=None,
                    ping_interval=PING_EVERY, ping_timeout=PING_WITHIN, compression=None,
                ) as socket:  # fmt: skip
                    self._socket = socket
                    self._standing = {channel: asyncio.Event() for channel in self.tracks}
                    self.connections += 1
                    await self._converse(socket)
            except (OSError, WebSocketException, TimeoutError):
                pass
            finally:
                self._socket, self._standing = None, {}
            await asyncio.sleep(0.1 + self._dice.random())

    async def _converse(self, socket: ClientConnection) -> None:
        await self._greet(socket)
        subscribing = [asyncio.create_task(self._subscribe(socket, track)) for track in self.tracks.values()]
        try:
            async for text in socket:
                await self._take(socket, text)
        finally:
            for task in subscribing:
                task.cancel()

    async def _subscribe(self, socket: ClientConnection, track: Track) -> None:
        while True:
            try:
                await self._ask_for(socket, track)
                await asyncio.wait_for(self._standing[track.channel].wait(), SUBSCRIBE_WITHIN)
                return
            except TimeoutError:
                continue
            except (OSError, WebSocketException, KeyError):
                return  # the connection is gone, and another one will subscribe

    def _stands(self, track: Track, position: str | None) -> None:
        """The subscription stands; everything behind `position` will be told. Who cannot say where it was has to load what
        was between."""
        if track.position is None:
            track.position, track.wants_loading = position, True
        if event := self._standing.get(track.channel):
            event.set()

    def _missed(self, track: Track, position: str) -> None:
        """What was between is not told any more."""
        track.position, track.wants_loading = position, True
        track.missed += 1

    def _sent(self, track: Track, epoch: str, message: dict) -> None:
        seq, id = message["seq"], message["id"]
        if seq in track.heard:
            if track.epochs[seq] == epoch:
                self.crowd.complain(f"{self.dialect}: {track.conversation} {seq} was told twice in one epoch ({epoch})")
            track.again += 1
        if track.heard.get(seq, id) != id or track.fetched.get(seq, id) != id:
            self.crowd.complain(f"{self.dialect}: {track.conversation} {seq} was told as two messages")
        track.heard[seq], track.epochs[seq] = id, epoch

    def _moved(self, track: Track, position: str) -> None:
        """An event of the channel; events of an epoch come in order, each once."""
        if track.position:
            (epoch, offset), (old_epoch, old_offset) = position.split(":"), track.position.split(":")
            if epoch == old_epoch and int(offset) <= int(old_offset):
                self.crowd.complain(f"{self.dialect}: {track.channel} told {position} behind {track.position}")
        track.position = position

    def _happened(self, name: str, channel: str | None, position: str | None, data: dict) -> None:
        track = self.tracks.get(channel or "")
        if not track or not position:
            return
        if name == "skillmesh:missed":
            return self._missed(track, position)
        self._moved(track, position)
        self._told(name, track, position.partition(":")[0], data)

    def _told(self, name: str, track: Track, epoch: str, data: dict) -> None:
        """An event of a conversation, in an epoch in which each is told once."""
        if name == "message.sent":
            self._sent(track, epoch, data)
        if name in ("message.sent", "message.edited", "message.deleted"):
            track.know(data)

    # Beside it

    async def _load(self) -> None:
        """Loads what was missed."""
        while True:
            await asyncio.sleep(0.3)
            for track in self.tracks.values():
                if track.wants_loading:
                    track.wants_loading = False
                    await self.load(track)

    async def load(self, track: Track) -> None:
        """Loads everything: what was missed may have changed a message of any age."""
        after = 0
        while True:
            path = f"/conversations/{track.conversation}/messages?afterSeq={after}&limit={PAGE}"
            page = await self.crowd.read(self.member, "history", path)
            if page is None:
                track.wants_loading = True
                return
            for message in page["items"]:
                track.fetched[message["seq"]] = message["id"]
                track.know(message)
                after = message["seq"]
            if len(page["items"]) < PAGE:
                return

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(SHOW_EVERY * self._dice.uniform(0.5, 1))
            await self.crowd.ask(self.member, "unread", "GET", "/me/unread")

    # What differs between the dialects

    def _address(self) -> str:
        raise NotImplementedError

    async def _greet(self, socket: ClientConnection) -> None:
        raise NotImplementedError

    async def _ask_for(self, socket: ClientConnection, track: Track) -> None:
        raise NotImplementedError

    async def _take(self, socket: ClientConnection, text: str) -> None:
        raise NotImplementedError


class PusherListener(Listener):
    """Speaks the Pusher Channels protocol, version 7."""

    dialect = "pusher"

    def _address(self) -> str:
        return self.crowd.url.replace("http://", "ws://") + "/app/skillmesh?protocol=7&client=storm&version=1"

    async def _greet(self, socket: ClientConnection) -> None:
        hello = json.loads(await asyncio.wait_for(socket.recv(), PING_WITHIN))
        if hello["event"] != "pusher:connection_established":
            raise OSError(f"greeted with {hello}")
        self._id = json.loads(hello["data"])["socket_id"]

    async def _ask_for(self, socket: ClientConnection, track: Track) -> None:
        body = {"socket_id": self._id, "channel_name": track.channel}
        answer = await self.crowd.ask(self.member, "leave", "POST", "/realtime/auth", body)
        if not answer or answer.status != 200:
            await asyncio.sleep(0.3)
            if answer and answer.code == "unknown_socket":
                # A connection that is gone is noticed before this is over, and nothing more is asked for on it.
                await asyncio.sleep(PING_EVERY + PING_WITHIN)
                self.crowd.complain(f"a socket was called unknown, and lives: {self._id}")
            raise TimeoutError
        leave = answer.json() | ({"position": track.position} if track.position else {})
        await socket.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": track.channel, **leave}}))

    async def _take(self, socket: ClientConnection, text: str) -> None:
        message = json.loads(text)
        name, channel = message["event"], message.get("channel")
        if name == "pusher:ping":
            await socket.send('{"event":"pusher:pong","data":{}}')
        elif name == "pusher_internal:subscription_succeeded":
            self._stands(self.tracks[channel], message["position"])
        elif name == "pusher:subscription_error":
            raise OSError("a subscription does not stand")
        else:
            data = message.get("data")
            self._happened(name, channel, message.get("position"), json.loads(data) if isinstance(data, str) else {})


class SocketIOListener(Listener):
    """Speaks Socket.IO 5 over Engine.IO 4, over a WebSocket."""

    dialect = "socket.io"

    def _address(self) -> str:
        return self.crowd.url.replace("http://", "ws://") + "/socket.io/?EIO=4&transport=websocket"

    async def _greet(self, socket: ClientConnection) -> None:
        self._asked: dict[int, Track] = {}
        self._number = 0
        if not (await asyncio.wait_for(socket.recv(), PING_WITHIN)).startswith("0"):
            raise OSError("no handshake")
        await socket.send("40" + json.dumps({"token": self.member.access}))
        while not (text := await asyncio.wait_for(socket.recv(), PING_WITHIN)).startswith("40"):
            if text == "2":
                await socket.send("3")
            else:
                raise OSError(f"greeted with {text}")

    async def _ask_for(self, socket: ClientConnection, track: Track) -> None:
        self._number += 1
        self._asked[self._number] = track
        where = {"position": track.position} if track.position else {}
        asking = json.dumps(["subscribe", {"channel": track.channel, **where}])
        await socket.send(f"42{self._number}{asking}")

    async def _take(self, socket: ClientConnection, text: str) -> None:
        if text == "2":
            await socket.send("3")
        elif text.startswith("43"):
            start = text.index("[")
            track, answer = self._asked.pop(int(text[2:start])), json.loads(text[start:])[0]
            if not answer["ok"]:
                raise OSError("a subscription does not stand")
            self._stands(track, answer["position"])
        elif text.startswith("42"):
            name, *data = json.loads(text[text.index("[") :])
            data = data[0] if data and isinstance(data[0], dict) else {}
            self._happened(name, data.get("channel"), data.get("position"), data)

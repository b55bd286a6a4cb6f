"""Some clients of a crowd, as a process of their own: told by one line of JSON whom to be, they say by such lines how they do.

Each watches a board, and comes back as its library would when the connection is lost: pusher-js after a second, Socket.IO
after a second or more, drawn by lot. It goes on from the last `position` that it saw.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from harness.http import Broken, Connection

# How often this process says how its clients do.
PERIOD = 0.2
# Connections that share the requests of the clients for leave to subscribe.
CONNECTIONS = 16
# How long a client waits for each step of its way in.
PATIENCE = 60.0


class Refused(Exception):
    """The server has said no for now."""


class Process:
    """What the clients of this process have in common."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.sockets = f"ws://{parts.netloc}"
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.pool: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self.pool.put_nowait(Connection(parts.hostname, parts.port))

    async def authorize(self, socket: str, channel: str, token: str) -> dict:
        """Asks for leave to subscribe over a Pusher socket."""
        connection = await self.pool.get()
        try:
            body = {"socket_id": socket, "channel_name": channel}
            answer = await connection.ask("POST", "/api/v1/realtime/auth", body, token=token)
        except Broken as error:
            raise Refused("auth: the connection broke") from error
        finally:
            self.pool.put_nowait(connection)
        if answer.status != 200:
            raise Refused(f"auth: {answer.status} {answer.code}")
        return answer.json()


class Client:
    """One client, which keeps to what its dialect advises."""

    greeting: str
    path: str

    def __init__(self, process: Process, token: str, board: str) -> None:
        self.process, self.token, self.board = process, token, board
        self.channel = f"presence-board-{board}"
        self.position: str | None = None
        self.last = 0
        self.failures = 0

    async def run(self) -> None:
        while True:
            try:
                await self.live()
            except Refused as refusal:
                self.process.refusals[str(refusal)] += 1
            except (OSError, WebSocketException, TimeoutError) as error:
                if not isinstance(error, WebSocketException):
                    self.process.refusals[type(error).__name__] += 1
            self.failures += 1
            await asyncio.sleep(self.pause())

    async def live(self) -> None:
        self.process.counts["tried"] += 1
        is_in = False
        async with connect(
            self.process.sockets + self.path,
            proxy=None,
            compression=None,
            open_timeout=PATIENCE,
            close_timeout=0.5,
            ping_interval=None,
            max_queue=None,
        ) as socket:
            self.process.counts["opened"] += 1
            try:
                async with asyncio.timeout(PATIENCE):
                    await self.enter(socket)
                is_in = True
                self.failures = 0
                self.process.counts["joined"] += 1
                self.process.counts["in"] += 1
                async for text in socket:
                    await self.hear(text, socket)
            finally:
                if is_in:
                    self.process.counts["in"] -= 1

    def note(self, number: int, position: str) -> None:
        """A note was pinned to the board."""
        self.position = position
        if number <= self.last:
            self.process.counts["repeated"] += 1
        elif number > self.last + 1:
            self.process.counts["skipped"] += 1
        self.last = max(self.last, number)

    def place(self) -> dict:
        return {"position": self.position} if self.position else {}

    def pause(self) -> float:
        raise NotImplementedError

    async def enter(self, socket: ClientConnection) -> None:
        raise NotImplementedError

    async def hear(self, text: str, socket: ClientConnection) -> None:
        raise NotImplementedError


class PusherClient(Client):
    path = "/app/skillmesh?protocol=7&client=fire&version=1"

    def pause(self) -> float:
        return 1.0

    async def enter(self, socket: ClientConnection) -> None:
        id = json.loads(json.loads(await socket.recv())["data"])["socket_id"]
        leave = await self.process.authorize(id, self.channel, self.token)
        data = {"channel": self.channel, **leave, **self.place()}
        await socket.send(json.dumps({"event": "pusher:subscribe", "data": data}))
        while True:
            message = json.loads(await socket.recv())
            if message["event"] == "pusher_internal:subscription_succeeded":
                self.position = self.position or message["position"]
                return
            if message["event"] in ("pusher:subscription_error", "pusher:error"):
                raise Refused(f"{message['event']}: {message['data']}")

    async def hear(self, text: str, socket: ClientConnection) -> None:
        if text.startswith('{"event":"note.pinned"'):
            message = json.loads(text)
            self.note(json.loads(message["data"])["number"], message["position"])
        elif text.startswith('{"event":"pusher_internal:member_removed"'):
            self.process.counts["left"] += 1
        elif text.startswith('{"event":"skillmesh:missed"'):
            self.process.counts["missed"] += 1


class SocketIOClient(Client):
    path = "/socket.io/?EIO=4&transport=websocket"

    def pause(self) -> float:
        return min(5.0, 0.5 * 2**self.failures) * random.uniform(0.5, 1.5)

    async def enter(self, socket: ClientConnection) -> None:
        await self.expect(socket, "0{")
        await socket.send("40" + json.dumps({"token": self.token}))
        await self.expect(socket, "40{")
        await socket.send("420" + json.dumps(["subscribe", {"channel": self.channel, **self.place()}]))
        answer = json.loads((await self.expect(socket, "430["))[3:])[0]
        if not answer["ok"]:
            raise Refused(f"subscribe: {answer['code']}")
        self.position = self.position or answer["position"]

    @staticmethod
    async def expect(socket: ClientConnection, begin: str) -> str:
        while not (text := await socket.recv()).startswith(begin):
            if text == "2":
                await socket.send("3")
            elif text.startswith(("44", "41")):
                raise Refused(text)
        return text

    async def hear(self, text: str, socket: ClientConnection) -> None:
        if text == "2":
            await socket.send("3")
        elif text.startswith('42["note.pinned"'):
            data = json.loads(text[2:])[1]
            self.note(data["number"], data["position"])
        elif text.startswith('42["presence.left"'):
            self.process.counts["left"] += 1
        elif text.startswith('42["skillmesh:missed"'):
            self.process.counts["missed"] += 1


async def report(process: Process, clients: list[Client]) -> None:
    while True:
        heard: dict[str, int] = {}
        for client in clients:
            heard[client.board] = min(heard.get(client.board, client.last), client.last)
        line = {"at": time.monotonic(), "counts": process.counts, "refusals": process.refusals, "heard": heard}
        print(json.dumps(line), flush=True)
        await asyncio.sleep(PERIOD)


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    process = Process(told["url"])
    kinds = {"pusher": PusherClient, "socket.io": SocketIOClient}
    clients = [kinds[one["dialect"]](process, one["token"], one["board"]) for one in told["clients"]]
    async with asyncio.TaskGroup() as group:
        group.create_task(report(process, clients))
        for number, client in enumerate(clients):
            # At first they come one after the other, as clients do.
            if number % 20 == 0:
                await asyncio.sleep(told["spread"])
            group.create_task(client.run())


asyncio.run(main())

"""A conversation in which everybody writes at once, and the devices that listen to it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import uuid
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from harness.http import Answer, Broken, Connection
from harness.load import REPEATABLE
from harness.world import World
from support.client import Member, bearer, connect
from support.mesh import PUSHER_SECRET
from support.waiting import eventually

# Connections over which one member writes.
HANDS = 2
# One message in so many is sent again though it was accepted.
AGAIN = 20


class Device:
    """One device of a member, and what it knows of the conversation. It can go away and come back; it remembers."""

    def __init__(self, name: str, told: dict) -> None:
        self.name = name
        self.heard: dict[int, str] = {}
        self.loaded: dict[int, str] = {}
        self.counts: Counter[str] = Counter()
        self.complaints: list[str] = []
        self._told = told
        self._position: str | None = None
        self._process: subprocess.Popen | None = None
        self._reader: threading.Thread | None = None

    def come(self) -> None:
        """Joins with what it knows, and returns when it listens."""
        subscribed = self.counts["subscribed"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.device_process"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._told | {"position": self._position, "after": self.whole_up_to}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        eventually(lambda: self.counts["subscribed"] > subscribed, f"{self} listens: {self.counts}", 60)

    def go(self) -> None:
        """Is gone without a word."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process = None

    @property
    def known(self) -> dict[int, str]:
        return self.loaded | self.heard

    @property
    def whole_up_to(self) -> int:
        """The last place before the first that it does not know."""
        known, seq = self.known, 0
        while seq + 1 in known:
            seq += 1
        return seq

    def __str__(self) -> str:
        return self.name

    def _read(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            said = json.loads(line)
            if "heard" in said:
                self._hear(*said["heard"], said["position"])
            elif "loaded" in said:
                for seq, id in said["loaded"]:
                    self._learn(seq, id, self.loaded)
            elif "trouble" in said:
                self.counts[said["trouble"]] += 1
            else:
                self.counts.update(said.keys())

    def _hear(self, seq: int, id: str, position: str | None) -> None:
        if seq in self.heard:
            self.complaints.append(f"{self} was told of {seq} twice")
        self._learn(seq, id, self.heard)
        # Lines of several threads come in no order.
        self._position = max(position, self._position, key=lambda one: int(one.partition(":")[2]) if one else -1)

    def _learn(self, seq: int, id: str, where: dict[int, str]) -> None:
        if self.known.get(seq, id) != id:
            self.complaints.append(f"{self} knows two messages at {seq}: {self.known[seq]} and {id}")
        where[seq] = id


class Talk:
    """A group of three members in a mesh, each of whom writes over HTTP and listens with one device or two, from `with` to
    the end of its block. Each of them writes at most so many messages a second over each of two connections."""

    def __init__(self, world: World, dice: random.Random, each_second: float) -> None:
        self.world, self.dice = world, dice
        self.accepted: dict[str, tuple[int, str]] = {}
        self.sent: list[str] = []
        self.troubles: Counter[str] = Counter()
        self._period = 1 / each_second
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._writer = threading.Thread(target=self._write, name="writers")
        with connect(world.url) as http:
            self.members = [Member(http).register() for _ in range(3)]
            body = {"kind": "group", "participantIds": [one.user["id"] for one in self.members[1:]], "title": "Fire"}
            answer = http.post("/api/v1/conversations", json=body, headers=bearer(self.members[0].tokens["accessToken"]))
            assert answer.status_code == 201, answer.text
            self.conversation = answer.json()["id"]
        one, two, three = self.members
        self.devices = [
            self._device("one's phone", one, "pysher"),
            self._device("two's phone", two, "socket.io"),
            self._device("three's phone", three, "pysher"),
            self._device("three's tablet", three, "socket.io"),
        ]
        # This one goes away and comes back.
        self.tablet = self._device("one's tablet", one, "socket.io")

    def _device(self, name: str, member: Member, library: str) -> Device:
        told = {"url": self.world.url, "conversation": self.conversation, "library": library}
        own = {"member": member.user["id"], "token": member.tokens["accessToken"], "secret": PUSHER_SECRET}
        return Device(f"{name} ({library})", told | own)

    def __enter__(self) -> Talk:
        try:
            for device in [*self.devices, self.tablet]:
                device.come()
        except BaseException:
            self.__exit__()
            raise
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._writer.ident:
            self._writer.join()
        for device in [*self.devices, self.tablet]:
            device.go()

    def wait_until_accepted(self, count: int, within: float = 60) -> None:
        """Waits until so many messages are accepted in all."""
        eventually(lambda: self._failure or len(self.accepted) >= count, f"{count} messages are accepted", within)
        if self._failure:
            raise self._failure

    def finish(self) -> None:
        """Sends no more, and waits until everything that was sent is accepted."""
        self._over.set()
        self._writer.join()
        if self._failure:
            raise self._failure

    def stored(self) -> list[tuple[int, str, str]]:
        """Place, id and client's id of everything that the database has, in order."""
        rows = self.world.query(
            f"select seq, id, client_id from messaging.messages where conversation_id = '{self.conversation}' order by seq"
        )
        return [(int(seq), id, client_id) for seq, id, client_id in rows]

    def read(self, member: Member, after: int) -> list[tuple[int, str]]:
        """Place and id of everything behind a message, as a client catches up on it."""
        found: list[tuple[int, str]] = []
        path = f"/api/v1/conversations/{self.conversation}/messages"
        with connect(self.world.url) as http:
            while True:
                query = {"afterSeq": found[-1][0] if found else after, "limit": 100}
                answer = http.get(path, params=query, headers=bearer(member.tokens["accessToken"]))
                assert answer.status_code == 200, answer.text
                page = answer.json()["items"]
                if not page:
                    return found
                found += [(one["seq"], one["id"]) for one in page]

    # Writing

    def _write(self) -> None:
        try:
            asyncio.run(self._write_all())
        except BaseException as error:  # noqa: BLE001 (it is raised where somebody waits)
            self._failure = error

    async def _write_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for member in self.members:
                for _ in range(HANDS):
                    group.create_task(self._hand(member, random.Random(self.dice.random())))

    async def _hand(self, member: Member, dice: random.Random) -> None:
        parts = urlsplit(self.world.url)
        connection = Connection(parts.hostname, parts.port)
        while not self._over.is_set():
            id = str(uuid.uuid4())
            self.sent.append(id)
            self.accepted[id] = await self._send(connection, member, id)
            if dice.randrange(AGAIN) == 0:
                # As a client that was told nothing.
                again = await self._send(connection, member, id)
                assert again == self.accepted[id], f"{id} was accepted as {self.accepted[id]} and then as {again}"
            await asyncio.sleep(self._period * dice.uniform(0.5, 1.5))
        connection.close()

    async def _send(self, connection: Connection, member: Member, id: str) -> tuple[int, str]:
        """Sends a message, under the same client's id until it is accepted."""
        path, body = f"/api/v1/conversations/{self.conversation}/messages", {"clientMessageId": id, "body": f"message {id}"}
        while True:
            try:
                answer: Answer | None = await connection.ask("POST", path, body, token=member.tokens["accessToken"])
            except Broken as error:
                answer = None
                self.troubles[str(error)] += 1
            if answer and answer.status in (200, 201):
                message = answer.json()
                assert message["clientMessageId"] == id, "the answer to another question"
                return message["seq"], message["id"]
            if answer:
                assert answer.status in REPEATABLE, answer
                self.troubles[f"{answer.status} {answer.code}"] += 1
            await asyncio.sleep(0.05)

"""Clients at work: a steady load of writes and reads, each remembered with what came of it."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from harness.history import History, Item
from harness.http import Answer, Broken, Connection
from support.client import registration
from support.waiting import eventually

# A board takes 1,000 notes.
NOTES_OF_A_BOARD = 900
# What a client may be told while something is broken, none of which says that a write was done: the connection broke (0),
# an earlier copy is still running, nothing can be done now, or not in time.
REPEATABLE = {0, 409, 503, 504}


class Attempt(NamedTuple):
    """One request: what it was for, when it began, how many seconds it took, and its status; 0 without an answer."""

    kind: str
    began: float
    seconds: float
    status: int


@dataclass
class Pace:
    """How many clients do each thing, and how often each of them does it a second."""

    notes: int = 8
    members: int = 2
    pings: int = 1
    pages: int = 1
    notes_each: float = 20
    others_each: float = 10


@dataclass
class Load:
    """Clients of the mesh at `url`, from `with` to the end of its block.

    `patient` clients repeat a request, with the same key, until they are told yes or no; one in ten gives up at the first
    trouble, so that there are unknown outcomes. Others ask once.
    """

    url: str
    folder: Path
    dice: random.Random
    pace: Pace = field(default_factory=Pace)
    patient: bool = True
    remind_after: tuple[int, int] | None = None
    boards: int = 16

    def __post_init__(self) -> None:
        self.history = History(self.folder / f"history-{uuid.uuid4().hex[:8]}.jsonl")
        self.attempts: list[Attempt] = []
        self.waits: dict[str, list[float]] = defaultdict(list)
        self.troubles: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.opened = 0
        self.reopened = 0
        self._boards = [self._new_board() for _ in range(self.boards)]
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.history.close()
        if self._failure:
            raise self._failure

    # What happened

    def go_on(self, kind: str = "note", count: int = 50, within: float = 60) -> None:
        """Waits until so many more are acknowledged."""
        wanted = self.acknowledged[kind] + count
        eventually(lambda: self._failure or self.acknowledged[kind] >= wanted, f"{kind}s are acknowledged", within)

    def statuses(self, kind: str | None = None) -> Counter[int]:
        """How often each status was given."""
        return Counter(one.status for one in self.attempts if kind in (None, one.kind))

    def longest_wait(self, kind: str) -> float:
        """The longest time from a client's first request for something to the yes, in seconds."""
        return max(self.waits[kind], default=0)

    def longest_silence(self, kind: str) -> float:
        """The longest time without any success, in seconds."""
        ends = sorted(one.began + one.seconds for one in self.attempts if one.kind == kind and 0 < one.status < 400)
        return max((later - earlier for earlier, later in zip(ends, ends[1:])), default=float("inf"))

    def percentile(self, kind: str, share: float) -> float:
        """The time that `share` of the answered requests stayed below, in seconds."""
        times = sorted(one.seconds for one in self.attempts if one.kind == kind)
        return times[min(len(times) - 1, int(share * len(times)))]

    def check_manners(self) -> None:
        """Whatever was broken, clients were told nothing but yes, no, "not now" or "not in time"."""
        strange = {status: count for status, count in self.statuses().items() if status not in {200, 201} | REPEATABLE}
        assert not strange, f"clients were told {strange}: {self.troubles.most_common(5)}"

    # The clients

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:
            self._failure = error

    async def _all(self) -> None:
        parts = urlsplit(self.url)
        jobs = {
            self._note: (self.pace.notes, self.pace.notes_each),
            self._member: (self.pace.members, self.pace.others_each),
            self._ping: (self.pace.pings, self.pace.others_each),
            self._page: (self.pace.pages, self.pace.others_each),
        }
        async with asyncio.TaskGroup() as group:
            for job, (count, each) in jobs.items():
                for _ in range(count):
                    connection = Connection(parts.hostname, parts.port)
                    group.create_task(self._client(job, connection, random.Random(self.dice.random()), 1 / each))

    async def _client(self, job, connection: Connection, dice: random.Random, period: float) -> None:
        await asyncio.sleep(dice.random() * period)
        while not self._over.is_set():
            began = time.monotonic()
            await job(connection, dice)
            await asyncio.sleep(max(0, began + period - time.monotonic()))
        connection.close()
        self.opened += connection.opened
        self.reopened += connection.reopened

    async def _note(self, connection: Connection, dice: random.Random) -> None:
        place = dice.randrange(len(self._boards))
        if self._boards[place][1] == NOTES_OF_A_BOARD:
            self._boards[place] = self._new_board()
        self._boards[place][1] += 1
        item = Item(str(uuid.uuid4()), "note", self._boards[place][0])
        body: dict = {"text": item.id}
        if self.remind_after:
            body["remindAfter"] = dice.randint(*self.remind_after)
        await self._write(connection, item, f"/api/v1/boards/{item.about}/notes", body, dice)

    async def _member(self, connection: Connection, dice: random.Random) -> None:
        id = str(uuid.uuid4())
        item = Item(id, "member", f"{id}@example.org")
        await self._write(connection, item, "/api/v1/auth/register", registration(item.about), dice)

    async def _write(
        self, connection: Connection, item: Item, path: str, body: dict, dice: random.Random
    ) -> None:
        patience = 90.0 if self.patient and dice.random() < 0.9 else 0.0
        self.history.sent(item)
        began = time.monotonic()
        while True:
            answer = await self._ask(connection, item.kind, "POST", path, body, item.id)
            if answer and answer.status < 400:
                item.outcome, item.answer = "ok", answer.json()
                self.acknowledged[item.kind] += 1
                self.waits[item.kind].append(time.monotonic() - began)
            elif answer and answer.status not in REPEATABLE and answer.status < 500:
                item.outcome = "refused"
            elif time.monotonic() < began + patience:
                await asyncio.sleep(0.05)
                continue
            return self.history.ended(item)

    async def _ping(self, connection: Connection, dice: random.Random) -> None:
        text = f"{dice.randrange(1 << 32)}"
        answer = await self._ask(connection, "ping", "GET", f"/api/v1/ping?text={text}")
        if answer and answer.status == 200:
            assert answer.json() == {"text": text}, "the answer to another question"
            self.acknowledged["ping"] += 1

    async def _page(self, connection: Connection, dice: random.Random) -> None:
        """What the gateway knows by itself, without a service."""
        answer = await self._ask(connection, "page", "GET", "/docs")
        self.acknowledged["page"] += bool(answer)

    async def _ask(
        self, connection: Connection, kind: str, method: str, path: str, body: dict | None = None, key: str | None = None
    ) -> Answer | None:
        began, answer = time.monotonic(), None
        try:
            answer = await connection.ask(method, path, body, key)
        except Broken as error:
            self.troubles[f"{kind}: {error}"] += 1
        status = answer.status if answer else 0
        self.attempts.append(Attempt(kind, began, time.monotonic() - began, status))
        if answer and status >= 400:
            self.troubles[f"{kind}: {status} {answer.code}"] += 1
        return answer

    @staticmethod
    def _new_board() -> list:
        return [str(uuid.uuid4()), 0]

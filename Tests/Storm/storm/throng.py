"""All clients of a storm, on an event loop in a thread of their own."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from harness.history import History
from storm.deeds import SKILLS, Life
from storm.libraries import PysherListener, PythonSocketIOListener
from storm.listeners import Listener, PusherListener, SocketIOListener
from storm.members import Attempt, Crowd, Member
from storm.pictures import pictures

Value = TypeVar("Value")

# How many members register, or open conversations, at once before the storm.
SIDE_BY_SIDE = 32
CIRCLE = 6
# One member in so many only listens, up to a limit that one process can hear.
LISTENING = 3
MOST_LISTENERS = 240
# How many of those listen through each library, at most and as one in so many.
LIBRARY_CLIENTS, LIBRARY_SHARE = 4, 10
# How many of them are gone for good when clients are abandoned.
ABANDONED = 3


class Throng:
    """Members and listeners of the mesh at `url`, from `with` to the end of its block."""

    def __init__(self, url: str, folder: Path, dice: random.Random) -> None:
        self.history = History(folder / "history.jsonl")
        self.crowd = Crowd(url, self.history, dice)
        self.dice = dice
        self.listeners: list[Listener] = []
        self._rested = float("inf")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="throng")
        self._living: list[asyncio.Task] = []
        self._listening: dict[Listener, asyncio.Task] = {}

    def __enter__(self) -> Throng:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.history.close()

    def do(self, work: Awaitable[Value], within: float = 900) -> Value:
        """Has the thread do something, and returns what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    # Before the storm

    def register(self, count: int) -> None:
        """So many members."""
        members = self.do(self._side_by_side([self.crowd.register] * count))
        self.crowd.members = [member for member in members if member]
        assert len(self.crowd.members) == count, f"{len(self.crowd.members)} of {count} registered: {self.crowd.troubles}"

    def acquaint(self) -> None:
        """Gives each member conversations: with both neighbours in a ring, and in a circle of some."""
        members = self.crowd.members
        pairs = [(one, [other]) for one, other in zip(members, members[1:] + members[:1])]
        mixed = self.dice.sample(members, len(members))
        circles = [mixed[start : start + CIRCLE] for start in range(0, len(mixed) - 1, CIRCLE)]
        pairs += [(circle[0], circle[1:]) for circle in circles]
        opened = self.do(self._side_by_side([lambda pair=pair: self.crowd.converse(*pair) for pair in pairs]))
        assert all(opened), f"{opened.count(None)} conversations were not opened: {self.crowd.troubles}"

    def prepare(self) -> None:
        """Gives members what they need to do things with: skills to have, and pictures to show."""
        self.crowd.pictures = pictures()
        self.do(self.crowd.look_up(SKILLS))
        assert len(self.crowd.skills) == len(SKILLS), f"known are only {self.crowd.skills}"

    def listen(self) -> None:
        """Has some members listen, half of them in each dialect, a few with the libraries that people have, and waits until
        they do."""
        count = min(len(self.crowd.members) // LISTENING, MOST_LISTENERS)
        through_libraries = 2 * min(LIBRARY_CLIENTS, count // LIBRARY_SHARE)
        for number, member in enumerate(self.dice.sample(self.crowd.members, count)):
            dialects = [PysherListener, PythonSocketIOListener] if number < through_libraries else [PusherListener, SocketIOListener]
            self.listeners.append(dialects[number % 2](self.crowd, member))
        self.do(self._start_listening())

    def act(self, rate: float, is_patient: bool = True) -> None:
        """Has all others live their lives, with so many things done a second by all of them."""
        self.do(self._start_acting(rate, is_patient))

    # In the storm

    def abandon(self, count: int = ABANDONED) -> list[Listener]:
        """Has so many listeners die."""
        return self.do(self._abandon(count))

    @property
    def living(self) -> list[Listener]:
        return [listener for listener in self.listeners if listener.died is None]

    @property
    def dead(self) -> list[Listener]:
        return [listener for listener in self.listeners if listener.died is not None]

    def rest(self) -> None:
        """Ends what members do, when all writes under way have an outcome; listeners go on."""
        self._rested = min(self._rested, time.monotonic())
        self.do(self._rest())

    # What came of it

    def silence(self, kind: str) -> float:
        """The longest time without success, in seconds, until members rested for the first time."""
        stormy = [one for one in self.crowd.attempts if one.kind == kind and one.began < self._rested]
        ends = sorted(one.began + one.seconds for one in stormy if one.is_fine)
        return max((later - earlier for earlier, later in zip(ends, ends[1:])), default=0)

    def failed(self, since: float) -> list[Attempt]:
        """Requests begun since then that were answered neither with success nor as they may be."""
        return [one for one in self.crowd.attempts if one.began >= since and not one.is_fine]

    # On the thread

    async def _side_by_side(self, works: list[Callable[[], Awaitable[Value]]]) -> list[Value]:
        room = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(work: Callable[[], Awaitable[Value]]) -> Value:
            async with room:
                return await work()

        return await asyncio.gather(*map(one, works))

    async def _start_listening(self) -> None:
        for listener in self.listeners:
            self._listening[listener] = asyncio.create_task(listener.alive())
        async with asyncio.timeout(120):
            while not all(listener.is_listening for listener in self.listeners):
                await asyncio.sleep(0.1)

    async def _start_acting(self, rate: float, is_patient: bool) -> None:
        self.crowd.over.clear()
        self.crowd.is_patient = is_patient
        silent = {listener.member.id for listener in self.listeners}
        acting: list[Member] = [member for member in self.crowd.members if member.id not in silent]
        self._living = [
            asyncio.create_task(Life(self.crowd, member).live(len(acting) / rate)) for member in acting
        ]

    async def _rest(self) -> None:
        self.crowd.over.set()
        for result in await asyncio.gather(*self._living, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        self._living = []

    async def _abandon(self, count: int) -> list[Listener]:
        gone = self.dice.sample(self.living, min(count, max(0, len(self.living) - 2)))
        for listener in gone:
            listener.die()
            self._listening[listener].cancel()
        return gone

    async def _end(self) -> None:
        for task in [*self._living, *self._listening.values()]:
            task.cancel()
        await asyncio.gather(*self._living, *self._listening.values(), return_exceptions=True)
        for member in self.crowd.members:
            member.connection.close()

    @property
    def failures(self) -> list[str]:
        """What went wrong in the clients themselves."""
        tasks = [*self._living, *self._listening.values()]
        return [repr(task.exception()) for task in tasks if task.done() and not task.cancelled() and task.exception()]

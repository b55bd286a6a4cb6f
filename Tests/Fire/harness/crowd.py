"""Very many clients that listen, in processes of their own, and somebody who gives them something to hear."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from itertools import count as numbers
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from harness.http import Broken, Connection
from support.client import registration
from support.waiting import eventually

PROCESSES = 4
# Clients that watch the same board.
AROUND_A_BOARD = 25
REGISTRARS = 16


class Sample(NamedTuple):
    """How all clients did at a moment: how many are in, and what they have done so far."""

    at: float
    counts: Counter[str]


class Crowd:
    """So many clients of the mesh at `url`, one half of each dialect, each with a member of its own; and notes that are
    pinned to their boards, from `with` to the end of its block."""

    def __init__(self, url: str, count: int, notes_each_second: float) -> None:
        self.url, self.count = url, count
        self.period = 1 / notes_each_second
        self.boards = [str(uuid.uuid4()) for _ in range(max(1, count // AROUND_A_BOARD))]
        self.pinned: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.refusals: Counter[str] = Counter()
        self._processes: list[subprocess.Popen] = []
        self._latest: list[dict] = [{"counts": {}, "refusals": {}, "heard": {}} for _ in range(PROCESSES)]
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._writer = threading.Thread(target=self._write, name="writer")

    def __enter__(self) -> Crowd:
        tokens = asyncio.run(self._register())
        clients = [
            {"token": token, "board": self.boards[number % len(self.boards)], "dialect": ("pusher", "socket.io")[number % 2]}
            for number, token in enumerate(tokens)
        ]
        for number in range(PROCESSES):
            process = subprocess.Popen(
                [sys.executable, "-m", "harness.crowd_process"],
                cwd=Path(__file__).parents[1],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._processes.append(process)
            told = {"url": self.url, "clients": clients[number::PROCESSES], "spread": 0.05}
            print(json.dumps(told), file=process.stdin, flush=True)
            threading.Thread(target=self._read, args=(number, process), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for process in self._processes:
            process.kill()
            process.wait()
        if self._writer.is_alive():
            self._writer.join()

    async def _register(self) -> list[str]:
        parts = urlsplit(self.url)
        left = iter(range(self.count))
        tokens: list[str] = []

        async def register() -> None:
            connection = Connection(parts.hostname, parts.port)
            for _ in left:
                answer = await connection.ask("POST", "/api/v1/auth/register", registration(f"{uuid.uuid4()}@example.org"))
                assert answer.status == 201, answer
                tokens.append(answer.json()["accessToken"])
            connection.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(REGISTRARS):
                group.create_task(register())
        return tokens

    # How they do

    def _read(self, number: int, process: subprocess.Popen) -> None:
        for line in process.stdout:
            with self._lock:
                self._latest[number] = json.loads(line)
                counts: Counter[str] = Counter()
                for one in self._latest:
                    counts.update(one["counts"])
                self.samples.append(Sample(time.monotonic(), counts))

    @property
    def counts(self) -> Counter[str]:
        with self._lock:
            return self.samples[-1].counts if self.samples else Counter()

    def troubles(self) -> Counter[str]:
        """What clients were refused with, and how often."""
        with self._lock:
            troubles: Counter[str] = Counter()
            for one in self._latest:
                troubles.update(one["refusals"])
            return troubles

    def wait_until_in(self, times: int = 1, within: float = 120) -> float:
        """Waits until all are in for so many times; returns when that was."""

        def is_so() -> bool:
            counts = self.counts
            return counts["in"] == self.count and counts["joined"] >= times * self.count

        eventually(lambda: self._failure or is_so(), f"all {self.count} are in: {self.counts}, {self.troubles()}", within)
        assert self._failure is None, self._failure
        with self._lock:
            return next(
                sample.at
                for sample in self.samples
                if sample.counts["in"] == self.count and sample.counts["joined"] >= times * self.count
            )

    def most_each_second(self, what: str, since: float) -> int:
        """The highest rate of something, over a second."""
        with self._lock:
            samples = [sample for sample in self.samples if sample.at >= since]
        return max(
            (later.counts[what] - earlier.counts[what])
            for earlier, later in zip(samples, samples[1:])
            for later in [next((one for one in samples if one.at >= earlier.at + 1), samples[-1])]
        )

    def course(self, since: float, until: float) -> list[str]:
        """What happened in each second: for people."""
        with self._lock:
            samples = [sample for sample in self.samples if since - 0.5 <= sample.at <= until + 1]
        lines = []
        for second in range(int(until - since) + 1):
            at = [sample for sample in samples if sample.at <= since + second]
            then = [sample for sample in samples if sample.at <= since + second + 1]
            if not at or not then:
                continue
            change = then[-1].counts - at[-1].counts
            rates = ", ".join(f"{change[what]} {what}" for what in ("tried", "opened", "joined"))
            lines.append(f"    second {second + 1}: {rates}; {then[-1].counts['in']} in")
        return lines

    # What they hear

    def start_notes(self) -> None:
        self._writer.start()

    def finish_notes(self) -> None:
        """Pins one more note to each board, and no more."""
        self._over.set()
        self._writer.join()
        assert self._failure is None, self._failure

    def _write(self) -> None:
        try:
            asyncio.run(self._pin_all())
        except BaseException as error:
            self._failure = error

    async def _pin_all(self) -> None:
        parts = urlsplit(self.url)
        connection = Connection(parts.hostname, parts.port)
        for number in numbers():
            if self._over.is_set():
                break
            await self._pin(connection, self.boards[number % len(self.boards)])
            await asyncio.sleep(self.period)
        for board in self.boards:
            await self._pin(connection, board)
        connection.close()

    async def _pin(self, connection: Connection, board: str) -> None:
        key, deadline = str(uuid.uuid4()), time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = await connection.ask("POST", f"/api/v1/boards/{board}/notes", {"text": key}, key)
            except Broken:
                await asyncio.sleep(0.05)
                continue
            if answer.status == 201:
                self.pinned[board] = max(self.pinned[board], answer.json()["number"])
                return
            assert answer.status in (409, 503, 504), answer
            await asyncio.sleep(0.05)
        raise AssertionError(f"no note was pinned to {board} within 60 s")

    def wait_until_heard(self, within: float = 60) -> None:
        """Waits until every client has heard the last note of its board."""

        def is_so() -> bool:
            with self._lock:
                return all(
                    last == self.pinned[board] for one in self._latest for board, last in one["heard"].items()
                )

        eventually(is_so, f"every note is heard: {self.counts}", within)

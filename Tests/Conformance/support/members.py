"""The members of one group, seen from the test: started, watched, asked to leave, killed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

from support.waiting import eventually

Place = tuple[str, int]


class Member:
    """One running member; see `support/member.py` for what it tells."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with open(log, "wb") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        self._events: list[tuple[str, list]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._events += json.loads(line).items()

    def events(self, *kinds: str) -> list[tuple[str, list]]:
        """Everything of these kinds that it told, in order."""
        return [event for event in list(self._events) if event[0] in kinds]

    @property
    def assignment(self) -> set[Place]:
        """What it may read now."""
        held: set[Place] = set()
        for kind, value in self.events("assigned", "revoked", "lost"):
            named = {(topic, partition) for topic, partition in value}
            held = named if kind == "assigned" else held - named
        return held

    @property
    def records(self) -> list[tuple[str, int, int, str]]:
        """Every record it read, as topic, partition, offset and value."""
        return [tuple(record) for _, value in self.events("records") for record in value]

    @property
    def committed(self) -> dict[Place, int]:
        """The highest offset of each partition whose commit was acknowledged to it."""
        commits = [place for _, value in self.events("committed") for place in value]
        return {(topic, partition): offset for topic, partition, offset in commits}

    @property
    def errors(self) -> list[str]:
        """What its client reported."""
        return [value for _, value in self.events("error")]

    def leave(self) -> None:
        """Lets it close its consumer and end."""
        self._process.terminate()
        assert self._process.wait(30) == 0, f"the member failed: {self.errors}\n{self._log.read_text()[-4000:]}"
        self._reader.join(30)

    def kill(self) -> None:
        """Ends it without a word to the broker."""
        self._process.kill()
        self._process.wait(30)
        self._reader.join(30)


class Members:
    """All members of `group` that a test has started."""

    def __init__(self, brokers: str, group: str, folder: Path) -> None:
        self._brokers = brokers
        self._group = group
        self._folder = folder
        self._started: list[Member] = []

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._started:
            member.kill()

    def join(self, client: str, *topics: str, **options: object) -> Member:
        """Starts a member; `options` are the flags of `support/member.py`."""
        # The kernel ends the member with the tests, however they end.
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "support.member", client, *topics]
        command += ["--brokers", self._brokers, "--group", self._group]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        member = Member(command, self._folder / f"member-{len(self._started)}.log")
        self._started.append(member)
        return member


def values_read(members: list[Member]) -> set[str]:
    """The values that any of them read."""
    return {record[3] for member in members for record in member.records}


def share(members: list[Member], places: set[Place], within: float = 40) -> None:
    """Waits until the members hold all of `places`, each held once, and no member has two more than another."""

    def shared() -> bool:
        held = [member.assignment for member in members]
        sizes = [len(one) for one in held]
        return sum(sizes) == len(places) and set().union(*held) == places and max(sizes) - min(sizes) <= 1

    try:
        eventually(shared, "the members share the partitions", within)
    except AssertionError as failure:
        told = [(member.assignment, member.errors) for member in members]
        raise AssertionError(f"{failure}; they hold {told}") from None

"""What clients asked for and what they were told, on disk: the one side of the final reckoning."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Item:
    """Something that a client wants to be kept, and what it knows of it in the end."""

    id: str
    kind: str
    about: str
    """`ok`: a 2xx was received. `refused`: a 4xx was. `unknown`: neither, however often it was asked."""
    outcome: str = "unknown"
    answer: dict = field(default_factory=dict)


class History:
    """A file with a line for each item that is sent, and one for its outcome.

    Lines are written at once and forced to disk ten times a second, so that the machine's own end would spare them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._over = threading.Event()
        self._flusher = threading.Thread(target=self._flush, daemon=True)
        self._flusher.start()

    def sent(self, item: Item) -> None:
        self._write(sent=item.id, kind=item.kind, about=item.about)

    def ended(self, item: Item) -> None:
        self._write(ended=item.id, outcome=item.outcome, answer=item.answer)

    def close(self) -> None:
        self._over.set()
        self._flusher.join()
        os.close(self._file)

    def read(self) -> dict[str, Item]:
        """Every item that was sent, as the file tells it. What has no outcome is unknown."""
        items: dict[str, Item] = {}
        for line in self._lines():
            if id := line.get("sent"):
                items[id] = Item(id, line["kind"], line["about"])
            else:
                items[line["ended"]].outcome, items[line["ended"]].answer = line["outcome"], line["answer"]
        return items

    def times(self) -> dict[str, tuple[float, float]]:
        """When each item was first sent, and when it had its outcome, in seconds since 1970. What has none has no end."""
        times: dict[str, tuple[float, float]] = {}
        for line in self._lines():
            if id := line.get("sent"):
                times[id] = (line["time"], float("inf"))
            else:
                times[line["ended"]] = (times[line["ended"]][0], line["time"])
        return times

    def _lines(self) -> Iterator[dict]:
        with open(self.path) as file:
            yield from map(json.loads, file)

    def _write(self, **line: object) -> None:
        os.write(self._file, (json.dumps({"time": time.time()} | line) + "\n").encode())

    def _flush(self) -> None:
        while not self._over.wait(0.1):
            os.fdatasync(self._file)
        os.fdatasync(self._file)

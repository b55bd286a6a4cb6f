"""Clients of Socket.IO's own library, each in a process: several in one process hinder one another."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

from support.waiting import eventually

PROGRAM = Path(__file__).with_name("socketio_process.py")
WAYS = [["polling"], ["websocket"], ["polling", "websocket"]]


class SocketIOClient:
    """One client, and everything it was told."""

    def __init__(self, url: str, token: str | None, transports: list[str], **auth: object) -> None:
        said = auth | ({"token": token} if token else {})
        arguments = [sys.executable, str(PROGRAM), url, ",".join(transports), json.dumps(said)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told: list[dict] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def __enter__(self) -> SocketIOClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def events(self, name: str) -> list:
        """The first argument of all events of this name so far."""
        return [(one["args"] or [None])[0] for one in self.told if one["event"] == name]

    def wait(self, name: str, count: int = 1, within: float = 30) -> list:
        """The events of this name, as soon as there are so many."""
        eventually(lambda: len(self.events(name)) >= count, f"{count} {name}, told {self.told}", within)
        return self.events(name)

    def call(self, name: str, data: object) -> dict:
        """Emits an event, and returns what it is acknowledged with."""
        count = len(self.events("ack"))
        self._do(do="call", name=name, data=data)
        return self.wait("ack", count + 1)[count]

    def transport(self) -> str:
        """What it is connected over now."""
        count = len(self.events("transport"))
        self._do(do="transport")
        return self.wait("transport", count + 1)[count]

    def leave(self) -> None:
        """Disconnects in order."""
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def _do(self, **command: object) -> None:
        print(json.dumps(command), file=self.process.stdin, flush=True)

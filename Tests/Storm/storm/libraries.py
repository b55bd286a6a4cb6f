"""Members who listen with the libraries that people have: `pysher` and `python-socketio`, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

from storm.listeners import Listener, Track
from storm.members import Crowd, Member


class LibraryListener(Listener):
    """One client. Its process comes back by itself; only when it cannot is it started again."""

    def __init__(self, crowd: Crowd, member: Member) -> None:
        super().__init__(crowd, member)
        self._process: Process | None = None

    def die(self) -> None:
        super().die()
        self._kill()

    def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def _keep_connected(self) -> None:
        try:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "storm.library_process", stdin=PIPE, stdout=PIPE, limit=1 << 20
                )
                async with asyncio.TaskGroup() as group:
                    showing = group.create_task(self._show_tokens(self._process))
                    await self._hear(self._process)
                    showing.cancel()
                self.crowd.complain(f"the process of a client of {self.dialect} ended with {await self._process.wait()}")
                await asyncio.sleep(1)
        finally:
            self._kill()

    async def _show_tokens(self, process: Process) -> None:
        """Tells the process who the member is, and each new token."""
        told = None
        while process.returncode is None:
            if told != self.member.access:
                told = self.member.access
                channels = {channel: track.position for channel, track in self.tracks.items()}
                who = {
                    "dialect": self.dialect, "url": self.crowd.url, "member": self.member.id, "token": told,
                    "channels": channels,
                }  # fmt: skip
                with suppress(ConnectionError):  # it has just ended
                    process.stdin.write(f"{json.dumps(who)}\n".encode())
                    await process.stdin.drain()
            await asyncio.sleep(1)

    async def _hear(self, process: Process) -> None:
        async for line in process.stdout:
            told = json.loads(line)
            name, channel, data = told["name"], told.get("channel"), told.get("data") or {}
            if name == "connected":
                self.connections += 1
                self._standing = {channel: asyncio.Event() for channel in self.tracks}
            elif name == "lost":
                self._standing = {}
            elif name == "stands":
                self._stands(self.tracks[channel], data.get("position"))
            elif track := self.tracks.get(channel):
                self._take_event(name, track, data)

    def _take_event(self, name: str, track: Track, data: dict) -> None:
        raise NotImplementedError


class PysherListener(LibraryListener):
    """`pysher` knows nothing of positions: after each connection all is loaded."""

    dialect = "pysher"

    def _take_event(self, name: str, track: Track, data: dict) -> None:
        self._told(name, track, f"connection {self.connections}", data)


class PythonSocketIOListener(LibraryListener):
    """`python-socketio`; what uses it goes on from the last position."""

    dialect = "python-socketio"

    def _take_event(self, name: str, track: Track, data: dict) -> None:
        self._happened(name, track.channel, data.get("position"), data)

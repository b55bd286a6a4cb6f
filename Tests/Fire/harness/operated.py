"""A mesh whose processes can be found, signalled and measured, one by one."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

from support.mesh import Mesh
from support.waiting import eventually

STORES = ("postgres", "redis")

def children(process: int) -> list[int]:
    """The processes that a process has started and that still run."""
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


class Operated(Mesh):
    """A running mesh, and the processes that its supervisor keeps."""

    def pid(self, name: str) -> int:
        """The process of a store, of a replica (`messaging.1`), or of a service's first replica."""
        service, _, number = name.partition(".")

        def look() -> int | None:
            status = self.status()
            if name in STORES:
                return status[name]["pid"]
            replicas = [one for one in status["services"] if one["service"] == service]
            return next(one["pid"] for one in replicas if not number or one["replica"] == int(number))

        return eventually(look, f"{name} runs")

    @property
    def are_processes_ready(self) -> bool:
        """Whether every process says of itself that it serves."""
        try:
            status = self.status()
        except json.JSONDecodeError:
            return False
        return all(one["ready"] for one in [*(status[name] for name in STORES), *status["services"]])

    def port(self, name: str) -> int:
        """Where a store, the broker or the gateways listen."""
        places = {
            "broker": f"//{self.env['KAFKA_BROKERS']}",
            "postgres": self.env["DATABASE_URL"],
            "redis": self.env["REDIS_URL"],
            "gateway": self.env["GATEWAY_URL"],
        }
        return urlsplit(places[name]).port

    @property
    def supervisor(self) -> int:
        """The process that keeps the others running."""
        entries = json.loads((self.folder / ".mesh/processes").read_text())
        return next(entry["pid"] for entry in entries if entry["name"] == "supervisor")

    def signal(self, name: str, number: int) -> int:
        """Sends a signal to it and to its own processes, of which PostgreSQL has many; returns the first process."""
        process = self.pid(name)
        for one in [process, *children(process)]:
            try:
                os.kill(one, number)
            except ProcessLookupError:
                pass  # ended by itself in between
        return process

    def kill_everything(self) -> None:
        """Ends every process at once, the supervisor included, as a power cut would."""
        entries = json.loads((self.folder / ".mesh/processes").read_text())
        # The supervisor first, or it would begin to start the others again.
        for process in [self.supervisor, *(entry["pid"] for entry in entries if entry["name"] != "supervisor")]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def anonymous_memory(self, process: int) -> int:
        """RssAnon in bytes."""
        text = Path(f"/proc/{process}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1]) << 10

    def descriptors(self, process: int) -> int:
        return len(os.listdir(f"/proc/{process}/fd"))

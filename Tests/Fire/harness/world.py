"""The mesh that is put under fire: everything that `mesh up` starts, and the two services of the example beside it."""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import signal
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from harness.operated import Operated
from harness.replica import Replica
from support.mesh import program
from support.waiting import eventually

SERVICES = ("notes", "tally")


def derive(root: bytes, purpose: str) -> bytes:
    """A key out of a key, as the mesh derives its own: HKDF-SHA256 (RFC 5869) without salt, 32 bytes."""
    extracted = hmac.digest(bytes(32), root, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


class World(Operated):
    """A running mesh with replicas of the example's services."""

    def __enter__(self) -> World:
        self.replicas: dict[str, list[Replica]] = {name: [] for name in SERVICES}
        super().__enter__()
        try:
            for name in SERVICES:
                self._make_schema(name)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda name: self.set_replicas(name, 1), SERVICES))
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *arguments: object) -> None:
        for replicas in self.replicas.values():
            for replica in replicas:
                replica.abandon()
        super().__exit__(*arguments)

    # The example's services

    def set_replicas(self, service: str, count: int) -> list[Replica]:
        """Starts or ends replicas of a service of the example until it has `count`, and waits until all are ready."""
        replicas = self.replicas[service]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Replica.end, replicas[count:]))
        del replicas[count:]
        while len(replicas) < count:
            replica = Replica(service, len(replicas), self._programs / "mesh-example", self._environment(service), self.folder)
            replicas.append(replica)
            replica.start()
        for replica in replicas:
            replica.wait_until_ready()
        return replicas

    @property
    def _programs(self) -> Path:
        return Path(program()).parent

    def _environment(self, service: str) -> dict[str, str]:
        root = bytes.fromhex((self.folder / ".mesh/secrets/mesh-root").read_text())
        return {
            "KAFKA_BROKERS": self.env["KAFKA_BROKERS"],
            "DATABASE_URL": self._database(service),
            "MESH_KEY": f"1:{derive(root, f'service {service}').hex()}",
        }

    def _database(self, service: str) -> str:
        parts = urlsplit(self.env["DATABASE_URL"])
        return urlunsplit(parts._replace(netloc=f"{service}:{service}@{parts.hostname}:{parts.port}"))

    def _make_schema(self, service: str) -> None:
        self.query(
            f"create role {service} login password '{service}'; alter role {service} set search_path = {service};"
            f"grant connect on database {urlsplit(self.env['DATABASE_URL']).path[1:]} to {service};"
            f"create schema {service} authorization {service}"
        )

    def wait_until_ready(self, within: float = 90) -> None:
        """Waits until everything says that it serves, and the gateway knows the example's routes."""
        eventually(self._is_ready, f"everything in {self.folder} is ready", within)
        for replicas in self.replicas.values():
            for replica in replicas:
                replica.wait_until_ready(within)
        eventually(self._is_settled, "every partition is answered", within)

    def _is_settled(self) -> bool:
        """Whether questions are answered without delay, in whichever partition they are: a replica that has just ended is
        missed only after a while."""
        with ThreadPoolExecutor(16) as pool:
            return all(pool.map(lambda _: self._is_quick(), range(64)))

    def _is_quick(self) -> bool:
        # Questions without a key go to a partition that is drawn anew every few milliseconds.
        time.sleep(random.random() * 0.2)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/ping?text=x", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _is_ready(self) -> bool:
        if not self.are_processes_ready:
            return False
        answer = subprocess.run(["curl", "-sf", f"{self.url}/openapi.json"], capture_output=True, timeout=10).stdout
        return b"/boards/{board}/notes" in answer

    def kill_everything(self) -> None:
        replicas = [replica.pid for replicas in self.replicas.values() for replica in replicas]
        super().kill_everything()
        for process in replicas:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

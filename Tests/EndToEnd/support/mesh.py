"""A mesh of the tests' own, run by the built `mesh` in a folder of its own as `./mesh` does in a clone."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from support.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]

# What channel authorisations are signed with: known here, as it is to a server that signs for its own clients.
PUSHER_SECRET = "not so secret"

# Passwords that cost nothing, and no limit on what one address may ask; pages of one foreign site may read answers.
SETTINGS = {
    "PASSWORD_COST": "8KiB",
    "RATE_LIMIT_SCALE": "10000",
    "GATEWAY_ORIGINS": "https://app.example",
    "PUSHER_SECRET": PUSHER_SECRET,
}


def program() -> str:
    """The operator that is tried: `MESH_BINARY`, or the debug build."""
    path = Path(os.environ.get("MESH_BINARY", ROOT / ".build/debug/mesh"))
    assert path.exists(), f"{path} is missing; build it with `swift build`"
    return str(path.resolve())


_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, never given out twice. It lies below those that the system gives to outgoing connections, so
    it stays free while a server is down. Looked for in a random place, as other tests look for one too."""
    while True:
        port = random.SystemRandom().randrange(18_000, 25_000)
        with socket.socket() as probe, socket.socket(socket.AF_UNIX) as reservation:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                # As `mesh up` reserves its own (Services/Operator/State/Ports.swift).
                reservation.bind(f"\0skillmesh-port-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


class Mesh:
    """Everything that runs, from `up` to `down`; with settings of its own, if it is given any."""

    def __init__(self, **settings: str) -> None:
        self.settings = SETTINGS | settings

    def __enter__(self) -> Mesh:
        self.folder = Path(tempfile.mkdtemp(prefix="mesh-"))
        # PostgreSQL's user must get through when the tests run as root.
        self.folder.chmod(0o755)
        # What its processes leave lying about is seen, and goes with it.
        for name, setting in (("tmp", "TMPDIR"), ("spool", "GATEWAY_SPOOL")):
            (self.folder / name).mkdir()
            self.settings[setting] = str(self.folder / name)
        try:
            self.run("up", "--detach", "--port", str(free_port()))
            lines = shlex.split(self.run("env"))
            self.env = dict(word.split("=", 1) for word in lines if "=" in word)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run("down")
        finally:
            shutil.rmtree(self.folder)

    def run(self, *arguments: str) -> str:
        """Runs a command of `mesh` and returns what it prints."""
        done = subprocess.run(
            [program(), *arguments],
            cwd=self.folder,
            env=os.environ | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"mesh {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self.env["GATEWAY_URL"]

    def status(self) -> dict:
        """What runs, and whether it is ready."""
        # Not everything is ready while something is killed, and `status` says so by how it ends.
        done = subprocess.run([program(), "status", "--json"], cwd=self.folder, capture_output=True, timeout=60)
        return json.loads(done.stdout)

    def replica(self, service: str) -> dict:
        """What `status` says of the first replica of a service."""
        return next(one for one in self.status()["services"] if one["service"] == service)

    def gateway_of(self, client_port: int) -> dict:
        """The gateway that the connection from a port of this machine leads to."""
        # Others may use the same port towards other servers, and connections that have ended are listed for a while.
        ends, established = (urlsplit(self.url).port, client_port), "01"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inode = next(
            row[9]
            for row in rows
            if tuple(int(end.partition(":")[2], 16) for end in row[1:3]) == ends and row[3] == established
        )
        for one in self.status()["services"]:
            if one["service"] == "gateway" and one["pid"] is not None:
                files = Path(f"/proc/{one['pid']}/fd").iterdir()
                if any(os.path.lexists(file) and os.readlink(file) == f"socket:[{inode}]" for file in files):
                    return one
        raise AssertionError(f"no gateway has a connection from port {client_port}")

    def scale(self, service: str, replicas: int) -> None:
        """Brings a service to so many replicas, and waits until they are ready: some may just have died."""
        self.run("scale", f"{service}={replicas}")

        def are_ready() -> bool:
            found = [one for one in self.status()["services"] if one["service"] == service]
            return len(found) == replicas and all(one["ready"] for one in found)

        eventually(are_ready, f"{replicas} of {service} are ready")

    def kill(self, service: str) -> int:
        """Ends a service as a power cut would, and returns the process that it was."""
        process = self.replica(service)["pid"]
        os.kill(process, signal.SIGKILL)
        return process

    def wait_until_replaced(self, service: str, process: int) -> None:
        """Waits until another process of the service is ready."""

        def is_replaced() -> bool:
            replica = self.replica(service)
            return replica["ready"] and replica["pid"] not in (None, process)

        eventually(is_replaced, f"{service} is ready again")

    def query(self, sql: str) -> list[list[str]]:
        """The rows that the database answers, as text."""
        command = ["psql", self.env["DATABASE_URL"], "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        answer = subprocess.run(command, input=sql, check=True, capture_output=True, text=True, timeout=30).stdout
        return [line.split("\t") for line in answer.splitlines()]

    def publish(self, topic: str, key: str, value: str) -> None:
        """Writes one record to a topic."""
        command = ["kcat", "-b", self.env["KAFKA_BROKERS"], "-P", "-t", topic, "-K", "\t"]
        subprocess.run(command, check=True, input=f"{key}\t{value}\n", text=True, timeout=30, capture_output=True)

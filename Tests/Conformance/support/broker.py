"""A broker of the test's own: started on a private folder, killed, stopped and started again on the same ports."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
from pathlib import Path

from support.waiting import eventually
from support.wire import api_versions

ROOT = Path(__file__).resolve().parents[3]


def binary() -> str:
    """The broker that is judged: `BROKER_BINARY`, or the debug build."""
    path = Path(os.environ.get("BROKER_BINARY", ROOT / ".build/debug/broker"))
    assert path.exists(), f"{path} is missing; build it with `swift build --product broker`"
    return str(path)


_ports: list[int] = []
# Names in the system's abstract socket namespace (unix(7)), which the system frees when this process ends.
_reservations: list[socket.socket] = []


def free_port() -> int:
    """A port nobody listens on, never given out twice. It lies below those that the system gives to outgoing connections, so
    it stays free while a broker is down; and in a block that this process has reserved, as the Swift suites do
    (`Tests/TestKit/FreePort.swift`)."""
    while True:
        if not _ports:
            _ports.extend(_reserve_block())
        port = _ports.pop(0)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _reserve_block() -> range:
    blocks = list(range(10_000, 18_000, 100))
    random.SystemRandom().shuffle(blocks)
    for first in blocks:
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0skillmesh-test-ports-{first}")
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return range(first, first + 100)
    raise AssertionError("all ports from 10000 on are reserved by other tests")


class Broker:
    """One broker process on one data folder. Its address stays the same through every restart."""

    def __init__(self, data: Path, *flags: str, wrapper: tuple[str, ...] = ()) -> None:
        """`wrapper` is a command that becomes the broker, as `strace -D` does."""
        self.data = data
        self.address = f"127.0.0.1:{free_port()}"
        self.ops = f"127.0.0.1:{free_port()}"
        self._flags = flags
        self._wrapper = wrapper
        self._log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def command(self) -> list[str]:
        """The command line; the kernel ends the broker with the tests, however they end."""
        places = ["--data", str(self.data), "--listen", self.address, "--ops", self.ops]
        return ["setpriv", "--pdeathsig", "KILL", *self._wrapper, binary(), *places, *self._flags]

    def start(self) -> None:
        """Starts the broker and returns when it is ready."""
        assert not self.running
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: self._ready() or not self.running, "the broker is ready")
        assert self.running, f"the broker ended at start with {self._process.returncode}:\n{self.log()}"

    def kill(self) -> None:
        """Ends the process as a power cut would: no handler runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def stop(self) -> int:
        """Asks the process to end, and returns its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """The end of what the broker has printed since its first start."""
        return self._log.read_text(errors="replace")[-20_000:]

    def anonymous_memory(self) -> int:
        """Bytes of memory that are the broker's own; cold pages of its files come and go and are not counted."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024

    def segments(self) -> list[Path]:
        """Every log segment in the data folder, oldest first within a partition."""
        return sorted(self.data.rglob("*.log"))

    def _ready(self) -> bool:
        try:
            return bool(api_versions(self.address))
        except OSError:
            return False

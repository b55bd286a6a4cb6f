"""A process of a service, kept running as a supervisor would: what dies is started again at once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

from support.mesh import free_port
from support.waiting import eventually


class Replica:
    """One replica, from `start` to `end`. Its process is `pid`, as long as it has one."""

    def __init__(self, service: str, number: int, program: Path, environment: dict[str, str], folder: Path) -> None:
        self.name = f"{service}.{number}"
        self.log = folder / f"{self.name}.log"
        self._program = program
        self._has_fault_points = "release" not in program.parts
        self._ops = f"127.0.0.1:{free_port()}"
        own = {"SERVICE": service, "REPLICA": str(number), "OPS_ADDRESS": self._ops, "SWIFT_BACKTRACE": "enable=no"}
        self._environment = os.environ | environment | own
        self._fault: str | None = None
        self._process: subprocess.Popen | None = None
        self._is_ending = threading.Event()
        self._keeper: threading.Thread | None = None
        self.lives = 0

    def start(self) -> None:
        """Starts it; `wait_until_ready` says when it serves."""
        self._is_ending.clear()
        self._keeper = threading.Thread(target=self._keep, name=self.name, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        # Started by this thread, whose end ends the process: nothing outlives the tests.
        command = ["setpriv", "--pdeathsig", "KILL", "--", str(self._program)]
        while not self._is_ending.is_set():
            fault, self._fault = self._fault, None
            environment = self._environment | ({"MESH_FAULT": fault} if fault else {})
            with open(self.log, "ab") as log:
                self._process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.lives += 1
            self._process.wait()
            self._is_ending.wait(0.1)

    @property
    def pid(self) -> int:
        process = eventually(lambda: self._process and self._process.poll() is None and self._process, f"{self.name} runs")
        return process.pid

    @property
    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self._ops}/readyz", timeout=1) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_until_ready(self, within: float = 60) -> None:
        eventually(lambda: self.is_ready, f"{self.name} is ready; see {self.log}", within)

    def wait_until_killed(self, lives: int, within: float = 60) -> None:
        """Waits until it has had more than `lives` lives, and serves again."""
        eventually(lambda: self.lives > lives, f"{self.name} dies", within)
        self.wait_until_ready(within)

    def kill(self) -> None:
        """Ends the process as a power cut would; it comes back."""
        os.kill(self.pid, signal.SIGKILL)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def arm(self, fault: str) -> int:
        """Starts it anew so that it kills itself at a fault point (`Shared/Mesh/Lifecycle/FaultPoint.swift`), once. Returns
        the number of the life that ends so; under load it may be over already. A release build has no such points: it is
        killed here and now."""
        before = self.lives
        if not self._has_fault_points:
            self.kill()
            return before
        self._fault = fault
        os.kill(self.pid, signal.SIGTERM)
        self.wait_until_killed(before)
        return before + 1

    def end(self) -> None:
        """Asks it to end, and starts it no more."""
        self._is_ending.set()
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._keeper.join()

    def abandon(self) -> None:
        """Ends it in no time, when nobody needs it any more."""
        self._is_ending.set()
        if self._process:
            self._process.kill()
        self._keeper.join()

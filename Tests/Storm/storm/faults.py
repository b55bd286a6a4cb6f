"""What goes wrong, and when: a script that a seed repeats, and the hand that plays it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.network import cut, cut_connections
from harness.operated import Operated, children

# Each service has two replicas, so that one can take over from the other.
SERVICES = ("gateway", "identity", "messaging", "presence", "profiles")
REPLICAS = 2
STORES = ("broker", "postgres", "redis")
# One step in so many is two blows at once.
DOUBLED = 4
# Seconds that a blow without a length of its own takes until all serve again, about; the script is planned with it.
RECOVERY = 2.0
# From so many minutes on some stops and cuts are long, and now and then everything dies at once.
LONG_RUN = 4.0
LONG_STOP = (10.0, 30.0)
BETWEEN_ENDS = 300.0


@dataclass(frozen=True)
class Blow:
    """One thing that goes wrong, and for how many seconds; 0 if it is over at once."""

    kind: str
    target: str
    seconds: float = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.target}" + (f" for {self.seconds:.1f} s" if self.seconds else "")


@dataclass(frozen=True)
class Step:
    """Blows at once, and the calm after that, in seconds."""

    blows: tuple[Blow, ...]
    calm: float

    @property
    def planned(self) -> float:
        return max((blow.seconds for blow in self.blows), default=0) + RECOVERY + self.calm

    def __str__(self) -> str:
        return " and ".join(map(str, self.blows))


def script(seed: int, minutes: float, with_cuts: bool) -> list[Step]:
    """What goes wrong in so many minutes. Everything does once before anything does again; the seed says in which order."""
    dice = random.Random(f"storm {seed}")
    is_long = minutes >= LONG_RUN
    steps: list[Step] = []
    deck: list[tuple[str, str]] = []
    length, next_end = 0.0, BETWEEN_ENDS / 2

    def draw(other: Blow | None = None) -> Blow:
        """The next blow; beside another one only something that can be done while that lasts."""
        if not deck:
            replicas = [f"{service}.{number}" for service in SERVICES for number in range(REPLICAS)]
            deck.extend(("kill", target) for target in [*replicas, *STORES])
            deck.extend(("stop", target) for target in [*replicas, *STORES])
            deck.extend(("cut off", target) for target in [*SERVICES, *STORES])
            deck.extend([("roll", dice.choice(SERVICES)), ("flush", "redis"), ("abandon", "clients")])
            dice.shuffle(deck)
        fitting = (place for place, (kind, target) in enumerate(deck) if not other or (kind != "roll" and target != other.target))
        place = next(fitting, 0)
        kind, target = deck.pop(place)
        seconds = dice.uniform(*LONG_STOP) if is_long and dice.random() < 0.2 else dice.uniform(1, 6)
        if kind == "cut off" and not with_cuts:
            kind = "stop"
            target = f"{target}.0" if target in SERVICES else target
        return Blow(kind, target, seconds if kind in ("stop", "cut off") else 0)

    while length < minutes * 60:
        blows = [draw()]
        if dice.random() < 1 / DOUBLED and len(deck) > 3 and blows[0].kind != "roll":
            blows.append(draw(blows[0]))
        calm = dice.uniform(1, 4)
        if is_long and length > next_end:
            blows, next_end = [Blow("kill", "everything")], next_end + BETWEEN_ENDS
        steps.append(Step(tuple(blows), calm))
        length += steps[-1].planned
    return steps


class Hand:
    """Strikes a running mesh."""

    def __init__(self, mesh: Operated, abandon: Callable[[], object]) -> None:
        self._mesh, self._abandon = mesh, abandon

    def strike(self, step: Step) -> None:
        """Does what a step says; returns when everything that lasts is over."""
        # Found out before anything goes wrong: a mesh with something stopped takes its time to say what runs.
        processes = {blow.target: self._processes(blow.target) for blow in step.blows}
        began = time.monotonic()
        with ExitStack() as ends:
            for blow in sorted(step.blows, key=lambda blow: -blow.seconds):
                self._begin(blow, processes[blow.target], ends)
                if blow.seconds:
                    ends.callback(lambda blow=blow: time.sleep(max(0, began + blow.seconds - time.monotonic())))

    def _begin(self, blow: Blow, processes: list[int], ends: ExitStack) -> None:
        """Strikes once; what has to be undone is left to `ends`."""
        match blow.kind:
            case "kill" if blow.target == "everything":
                self._mesh.kill_everything()
                replicas = [word for name in SERVICES for word in ("--replicas", f"{name}={REPLICAS}")]
                self._mesh.run("up", "--detach", *replicas)
            case "kill":
                send(processes, signal.SIGKILL)
            case "stop":
                ends.callback(send, processes, signal.SIGCONT)
                send(processes, signal.SIGSTOP)
            case "cut off" if blow.target in STORES:
                ends.enter_context(cut(self._mesh.port(blow.target)))
            case "cut off":
                ends.enter_context(cut_connections({pair for process in processes for pair in connections(process)}))
            case "roll":
                self._mesh.run("roll", blow.target)
            case "flush":
                url = self._mesh.env["REDIS_URL"]
                subprocess.run(["redis-cli", "--no-auth-warning", "-u", url, "flushall"], check=True, capture_output=True)
            case "abandon":
                self._abandon()

    def _processes(self, target: str) -> list[int]:
        """The processes of a target: of a replica or store, or of all replicas of a service."""
        if target in SERVICES:
            return [self._mesh.pid(f"{target}.{number}") for number in range(REPLICAS)]
        if target in STORES or "." in target:
            process = self._mesh.pid(target)
            return [process, *children(process)]
        return []


def send(processes: list[int], number: int) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass  # ended in between


def connections(process: int) -> set[tuple[int, int]]:
    """The TCP connections that a process has now, each as the ports of its ends."""
    sockets = set()
    for file in Path(f"/proc/{process}/fd").iterdir():
        try:
            sockets.add(os.readlink(file))
        except FileNotFoundError:
            pass  # closed in between
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    pairs = [tuple(int(end.rpartition(":")[2], 16) for end in row[1:3]) for row in rows if f"socket:[{row[9]}]" in sockets]
    # A listening socket has no other end.
    return {(own, other) for own, other in pairs if other}

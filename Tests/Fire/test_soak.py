"""Minutes of load with trouble all around: what is not killed itself does not grow."""

from __future__ import annotations

import random
import signal
import time

import pytest

from harness.report import note
from harness.verdict import check
from harness.world import World

pytestmark = pytest.mark.long

ROUNDS = 12
WARM_UP = 30
# Buffers that grow once to what trouble asks for are no leak; what grows in each round is.
MEMORY_GROWTH = 8 << 20
DESCRIPTOR_GROWTH = 16


def test_memory_and_descriptors_stay_flat(world: World, start_load, dice: random.Random):
    watched = {
        "gateway": world.pid("gateway"),
        "identity": world.pid("identity"),
        "broker": world.pid("broker"),
        "notes": world.replicas["notes"][0].pid,
        "tally": world.replicas["tally"][0].pid,
    }

    def measure() -> dict[str, tuple[int, int]]:
        return {name: (world.anonymous_memory(one), world.descriptors(one)) for name, one in watched.items()}

    def disturb() -> None:
        store = dice.choice(["postgres", "redis", "broker"])
        # The broker is watched too, so it is only stopped.
        if store == "broker" or dice.random() < 0.5:
            world.signal(store, signal.SIGSTOP)
            time.sleep(3)
            world.signal(store, signal.SIGCONT)
        else:
            world.signal(store, signal.SIGKILL)
        load.go_on()
        load.go_on("member", 5)

    with start_load() as load:
        for _ in range(3):
            disturb()
        time.sleep(WARM_UP)
        before = measure()
        for _ in range(ROUNDS):
            disturb()
            time.sleep(5)
        time.sleep(WARM_UP)
        after = measure()
        print({name: (before[name], after[name]) for name in watched})
        for name, process in watched.items():
            (memory, descriptors), (memory_then, descriptors_then) = before[name], after[name]
            assert memory_then - memory < MEMORY_GROWTH, f"{name} grew from {memory >> 20} to {memory_then >> 20} MiB"
            assert descriptors_then - descriptors < DESCRIPTOR_GROWTH, f"{name}: {descriptors} to {descriptors_then} descriptors"
    load.check_manners()
    note(f"{ROUNDS + 3} disturbances in a row", load)
    check(world, load)

"""Clients that others wrote talk to one another while replicas of everything between them are killed in turn."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from harness.report import REPORT
from harness.talk import Talk
from harness.world import World
from support.waiting import eventually

SERVICES = ("messaging", "gateway", "broker")
# Messages, rounds in which each of the services is killed once, and messages a second over each connection.
SHORT = 300, 1, 15.0
LONG = 10_000, 5, 100.0


@pytest.fixture
def two_of_each(world: World) -> Iterator[World]:
    """Two replicas of what can have two."""
    for service in ("messaging", "gateway"):
        world.scale(service, 2)
    yield world
    for service in ("messaging", "gateway"):
        world.scale(service, 1)


def kill_one_of(world: World, service: str, dice: random.Random) -> None:
    """Ends a replica as a power cut would, and waits until it is back."""
    name = f"{service}.{dice.choice([one['replica'] for one in world.status()['services'] if one['service'] == service])}"
    killed = world.pid(name)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: world.pid(name) != killed and world.are_processes_ready, f"{name} is back", 60)


def test_every_device_has_the_same_conversation_in_the_end(two_of_each: World, dice: random.Random, is_long: bool):
    count, rounds, pace = LONG if is_long else SHORT
    victims = [service for _ in range(rounds) for service in dice.sample(SERVICES, len(SERVICES))]
    began = time.monotonic()
    with Talk(two_of_each, dice, pace) as talk:
        for number, victim in enumerate(victims):
            talk.wait_until_accepted(count * (number + 1) // (len(victims) + 1), within=120)
            # The tablet is away from the first third to the second.
            if number == len(victims) // 3:
                talk.tablet.go()
                left_at = talk.tablet.whole_up_to
            if number == len(victims) * 2 // 3:
                talk.tablet.come()
            kill_one_of(talk.world, victim, dice)
        talk.wait_until_accepted(count, within=120)
        talk.finish()
        stored = talk.stored()
        sequence = [(seq, id) for seq, id, _ in stored]
        devices = [*talk.devices, talk.tablet]
        for device in devices:
            eventually(lambda: len(device.known) >= len(stored), f"{device} knows all {len(stored)} messages", 60)
        read = [talk.read(member, 0) for member in talk.members]
        missed_by_tablet = talk.read(talk.members[0], left_at)
    seconds = time.monotonic() - began
    REPORT.append(f"{len(stored)} messages of 3 members to 5 devices, {len(victims)} replicas killed in {seconds:.0f} s")
    REPORT.append(f"    senders: {dict(talk.troubles)}")
    for device in devices:
        REPORT.append(f"    {device}: heard {len(device.heard)}, loaded {len(device.loaded)}; {dict(device.counts)}")

    # What was accepted is stored, and nothing else is; no gap, nothing twice.
    assert len(sequence) >= count
    assert [seq for seq, _ in sequence] == list(range(1, len(sequence) + 1))
    assert len({id for _, id in sequence}) == len(sequence)
    assert {client_id: (seq, id) for seq, id, client_id in stored} == talk.accepted
    assert sorted(talk.sent) == sorted(talk.accepted)
    # Every device ends with that sequence, whatever it was told and whatever it had to load; so does who only reads.
    for device in devices:
        assert device.complaints == []
        assert sorted(device.known.items()) == sequence, f"{device} knows something else"
    assert read == [sequence] * len(read)
    # What the tablet was told when it came back is what it would have loaded.
    assert missed_by_tablet == sequence[left_at:]

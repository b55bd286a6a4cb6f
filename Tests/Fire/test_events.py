"""Events whose writer, relay or consumer dies, that come twice, late or in disorder, or that nobody can handle."""

from __future__ import annotations

import json
import random
import uuid

import pytest

from harness.events import Meddler, note_added, publish
from harness.report import note
from harness.verdict import check
from harness.world import World
from support.waiting import eventually

ROUNDS = 8


@pytest.mark.replicas(notes=3)
def test_each_event_takes_effect_once_whoever_dies(world: World, start_load, dice: random.Random, is_long: bool):
    # The writer between commit and publish; the relay, or a writer, between publish and mark; the consumer between effect
    # and offset. Replica 2 is the relay of what the others leave.
    writer, relay, _ = world.replicas["notes"]
    (consumer,) = world.replicas["tally"]
    with start_load() as load, Meddler(world.env["KAFKA_BROKERS"], "notes.events", dice) as meddler:
        for _ in range(ROUNDS if is_long else 1):
            points = [(writer, "after-commit"), (relay, "after-publish"), (consumer, "after-effect")]
            lives = [(replica, replica.arm(f"{point}:{dice.randint(1, 10)}")) for replica, point in points]
            for replica, before in lives:
                replica.wait_until_killed(before)
            load.go_on()
    assert meddler.copies > 0
    load.check_manners()
    note("writer, relay and consumer of events killed; events doubled and delayed", load)
    check(world, load)


def test_a_poison_event_parks_its_own_key_only(world: World, start_load):
    sick, brokers = str(uuid.uuid4()), world.env["KAFKA_BROKERS"]

    def heard(board: str) -> str:
        rows = world.query(f"select array_to_string(numbers, ' ') from tally.tallies where board = '{board}'")
        return rows[0][0] if rows else ""

    world.query("delete from tally.abilities")
    with start_load() as load:
        publish(brokers, "notes.events", [note_added(sick, n, "poison" if n == 2 else "x") for n in range(1, 6)])
        parked = f"select count(*) from tally.mesh_parked where subject = '{sick}'"
        eventually(lambda: world.query(parked) == [["4"]], "the event and those behind it are parked")
        # All others flow meanwhile: the check at the end finds each of them.
        load.go_on()
        assert heard(sick) == "1"
        (dead,) = json.loads(world.run("dead", "tally", "--json"))["events"]
        assert (dead["subject"], dead["version"], dead["waiting"]) == (sick, 2, 3)
        assert "cannot be swallowed" in dead["reason"]

        world.query("insert into tally.abilities values ('poison')")
        world.run("dead", "redrive", "tally", sick)
        eventually(lambda: heard(sick) == "1 2 3 4 5", "the events take effect, in order")
        assert world.query(parked) == [["0"]] and json.loads(world.run("dead", "--json"))["events"] == []
        publish(brokers, "notes.events", [note_added(sick, 6, "x")])
        eventually(lambda: heard(sick) == "1 2 3 4 5 6", "later events follow")
    check(world, load)

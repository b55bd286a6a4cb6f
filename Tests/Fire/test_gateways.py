"""Gateways that are killed: whoever repeats a request at another one gets one effect."""

from __future__ import annotations

import random
import time

from harness.load import Pace
from harness.report import note
from harness.verdict import check
from harness.world import World

ROUNDS = 10


def test_a_gateway_is_killed(world: World, start_load, dice: random.Random, is_long: bool):
    # Both share one port: a client that connects again comes to the one that lives.
    world.run("scale", "gateway=2")
    # Of so many clients some are connected to the one that dies.
    pace = Pace(notes=24, notes_each=8)
    with start_load(pace=pace) as load:
        for _ in range(ROUNDS if is_long else 1):
            load.go_on()
            killed = world.kill("gateway")
            time.sleep(dice.random())
            world.wait_until_replaced("gateway", killed)
        load.go_on()
    load.check_manners()
    assert load.opened > pace.notes + pace.members + pace.pings + pace.pages, "nobody was cut off"
    note("one of two gateways killed", load)
    check(world, load)

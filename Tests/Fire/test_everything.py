"""Everything is killed at once and started again."""

from __future__ import annotations

import random
import time

from harness.report import note
from harness.verdict import check
from harness.world import World

ROUNDS = 3


def test_what_was_acknowledged_survives_the_end_of_everything(
    world: World, start_load, dice: random.Random, is_long: bool
):
    with start_load() as load:
        for _ in range(ROUNDS if is_long else 1):
            load.go_on(count=100)
            time.sleep(dice.random())
            world.kill_everything()
            world.run("up", "--detach")
            world.wait_until_ready()
            load.go_on()
            load.go_on("member", 5)
    load.check_manners()
    note("everything killed and started again", load)
    check(world, load)

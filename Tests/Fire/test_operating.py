"""What an operator does every day: more replicas, fewer, all of them anew. Nobody notices."""

from __future__ import annotations

import time

from harness.report import note
from harness.verdict import check
from harness.world import World

ROUNDS = 4


def test_scaling_and_rolling_fail_no_request(world: World, start_load, is_long: bool):
    world.run("scale", "gateway=2")
    # One try for each request: whatever goes wrong is seen.
    with start_load(patient=False) as load:
        for _ in range(ROUNDS if is_long else 1):
            load.go_on("member", 10)
            world.run("scale", "identity=3")
            load.go_on("member", 10)
            world.run("roll")
            load.go_on("member", 10)
            world.run("scale", "identity=1")
            load.go_on("member", 10)
    failed = [one for one in load.attempts if one.status not in (200, 201)]
    assert not failed, f"{len(failed)} of {len(load.attempts)} requests failed: {load.troubles}"
    note(f"identity scaled to 3 and back, everything rolled ({load.reopened} requests sent anew on closed connections)", load)
    check(world, load)

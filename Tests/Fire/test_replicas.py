"""Replicas of a service that are killed at the worst moments, and at any."""

from __future__ import annotations

import random
import time

import pytest

from harness.report import note
from harness.verdict import check
from harness.world import World

ROUNDS = 12
POINTS = ["before-commit", "after-commit", "after-publish"]


@pytest.fixture
def fire(world: World, start_load, dice: random.Random, is_long: bool):
    """Kills replicas of the notes service, each first at a fault point and then any of them at any moment."""

    def run(fault: str) -> None:
        replicas = world.replicas["notes"]
        lives = [replica.arm(f"{point}:{dice.randint(1, 20)}") for replica, point in zip(replicas, dice.sample(POINTS, 3))]
        with start_load() as load:
            for replica, before in zip(replicas, lives):
                replica.wait_until_killed(before)
            for _ in range(ROUNDS if is_long else 1):
                time.sleep(dice.random())
                victim = dice.choice(replicas)
                before = victim.lives
                victim.kill()
                victim.wait_until_killed(before)
                load.go_on(count=20)
        load.check_manners()
        note(fault, load)
        check(world, load)

    return run


def test_the_only_replica_is_killed(fire):
    fire("the only replica of a service killed")


@pytest.mark.replicas(notes=3)
def test_one_of_three_replicas_is_killed(fire):
    fire("one of three replicas killed")


def test_identity_is_killed(world: World, start_load, is_long: bool):
    with start_load() as load:
        for _ in range(ROUNDS if is_long else 1):
            load.go_on("member", 5)
            killed = world.kill("identity")
            world.wait_until_replaced("identity", killed)
        load.go_on("member", 5)
    load.check_manners()
    note("identity killed", load)
    check(world, load)

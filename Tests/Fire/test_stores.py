"""Kafka, PostgreSQL and Redis that are killed, stopped or cut off under load, and come back."""

from __future__ import annotations

import random
import signal
import time

import pytest

from harness.load import Load
from harness.network import cut
from harness.report import note
from harness.verdict import check
from harness.world import World

ROUNDS = 5
# What does not need a store goes on as if nothing had happened: what the gateway answers by itself, and questions that
# need no database.
UNTOUCHED = {"broker": ["page"], "postgres": ["page", "ping"], "redis": ["page", "ping", "note", "member"]}
# Far above what is measured, and far below the 15 s after which a client is told that time is up.
BOUND = 5.0


def check_untouched(load: Load, store: str) -> None:
    for kind in UNTOUCHED[store]:
        assert load.statuses(kind).keys() <= {200, 201}, f"{kind} failed: {load.troubles}"
        slowest = max(one.seconds for one in load.attempts if one.kind == kind)
        assert slowest < BOUND, f"a {kind} took {slowest:.1f} s"


@pytest.mark.parametrize("store", ["broker", "postgres", "redis"])
def test_a_store_is_killed(world: World, start_load, store: str, dice: random.Random, is_long: bool):
    with start_load() as load:
        for _ in range(ROUNDS if is_long else 1):
            load.go_on()
            world.signal(store, signal.SIGKILL)
            time.sleep(dice.random())
            load.go_on()
            load.go_on("member", 5)
    load.check_manners()
    check_untouched(load, store)
    note(f"{store} killed", load)
    check(world, load)


@pytest.mark.parametrize("store", ["broker", "postgres", pytest.param("redis", marks=pytest.mark.long)])
def test_a_store_is_stopped_for_a_while(world: World, start_load, store: str, is_long: bool):
    length = 30 if is_long else 2
    with start_load() as load:
        load.go_on()
        process = world.signal(store, signal.SIGSTOP)
        time.sleep(length)
        assert world.signal(store, signal.SIGCONT) == process
        load.go_on()
        load.go_on("member", 5)
    load.check_manners()
    check_untouched(load, store)
    note(f"{store} stopped for {length} s", load)
    check(world, load)


@pytest.mark.long
@pytest.mark.parametrize("store", ["broker", "postgres", "redis"])
def test_a_store_is_cut_off(world: World, start_load, store: str):
    with start_load() as load:
        load.go_on()
        with cut(world.port(store)):
            time.sleep(30)
        # Sooner than TCP by itself, whose pauses have doubled to half a minute by then.
        load.go_on(within=20)
        load.go_on("member", 5)
    load.check_manners()
    check_untouched(load, store)
    note(f"{store} cut off for 30 s", load)
    check(world, load)

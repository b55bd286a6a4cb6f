"""Thousands of timers that are due, and replicas that die while they fire them."""

from __future__ import annotations

import random
import time

import pytest

from harness.load import Pace
from harness.report import REPORT
from harness.verdict import check_events, check_notes, listed
from harness.world import World
from support.waiting import eventually

# What is promised, and room for a machine that others use too.
IN_TIME = 2.0 + 8.0
# Notes when each timer was due, and each time when it fired.
WITNESS = """
    create table if not exists notes.fired (board uuid, number integer, fired_at timestamptz);
    create or replace function notes.witness() returns trigger language plpgsql security definer as $$
      begin
        insert into notes.fired values (new.board, new.number, clock_timestamp());
        return new;
      end $$;
    create or replace trigger witness after update of reminders on notes.notes
      for each row execute function notes.witness();
    create table if not exists notes.set (key text primary key, due_at timestamptz);
    create or replace function notes.note_timer() returns trigger language plpgsql security definer as $$
      begin
        insert into notes.set values (new.key, new.due_at);
        return new;
      end $$;
    create or replace trigger note_timer after insert on notes.mesh_timers
      for each row execute function notes.note_timer();
"""


@pytest.mark.replicas(notes=3)
def test_each_timer_fires_once_and_in_time(world: World, start_load, dice: random.Random, is_long: bool):
    count = 10_000 if is_long else 800
    world.query(WITNESS)
    # All become due in the same few seconds, most while the last are still being set.
    pace = Pace(notes=24, members=0, pings=0, pages=0, notes_each=50)
    with start_load(pace=pace, remind_after=(2000, 5000), boards=64) as load:
        load.go_on("note", count, within=300)
        kills = []
        for _ in range(3 if is_long else 1):
            time.sleep(dice.random())
            victim = dice.choice(world.replicas["notes"])
            kills.append((time.time(), victim.lives))
            victim.kill()
            victim.wait_until_killed(kills[-1][1])
    notes = [item for item in load.history.read().values() if item.kind == "note"]
    boards = listed(sorted({note.about for note in notes}))
    mine = f"where board = any({boards})"
    eventually(lambda: world.query("select count(*) from notes.mesh_timers") == [["0"]], "all timers have fired", 60)
    check_notes(world, notes)
    assert world.query(f"select count(*) from notes.notes {mine} and reminders <> 1") == [["0"]]
    assert world.query(f"select count(*) from (select from notes.fired {mine} group by board, number having count(*) > 1) x") == [["0"]]
    delays = world.query(
        "select extract(epoch from due_at), extract(epoch from fired_at - due_at) from notes.fired join notes.set "
        f"on key = board || ' ' || number {mine}"
    )
    assert len(delays) >= count
    late = [
        (due, delay)
        for due, delay in ((float(due), float(delay)) for due, delay in delays)
        # What was being fired when a replica died waits until PostgreSQL has noticed.
        if delay > IN_TIME and not any(due < kill < due + delay for kill, _ in kills)
    ]
    REPORT.append(
        f"{len(delays)} timers due within seconds, {len(kills)} of their replicas killed\n"
        f"    the latest fired {max(float(delay) for _, delay in delays):.2f} s after it was due"
    )
    assert not late, f"{len(late)} of {len(delays)} fired late: {late[:5]}"
    check_events(world, sorted({note.about for note in notes}))

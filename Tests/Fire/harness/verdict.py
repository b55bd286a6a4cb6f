"""The final reckoning: what is stored, held against what clients were told.

    acknowledged ⊆ stored ⊆ acknowledged ∪ unknown, nothing twice, each event once and in order, and then all works.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from urllib.parse import urlsplit

from harness.history import Item
from harness.http import Connection
from harness.load import Load, Pace
from harness.world import World
from support.client import registration
from support.waiting import eventually

# How many acknowledged requests are repeated to see whether they are answered as they were.
REPEATED = 40


def check(world: World, load: Load) -> None:
    """Holds the stores against the history of a load that has ended."""
    world.wait_until_ready()
    items = load.history.read()
    notes = [item for item in items.values() if item.kind == "note"]
    check_notes(world, notes)
    check_members(world, [item for item in items.values() if item.kind == "member"])
    check_events(world, sorted({item.about for item in notes}))
    check_answers(world, [item for item in items.values() if item.outcome == "ok"], load.dice)
    check_health(world, load)


def listed(values: list[str]) -> str:
    """The values as an array in SQL; they are UUIDs and addresses of the tests' own."""
    return "'{" + ",".join(values) + "}'"


def compare(items: list[Item], stored: Counter[str]) -> None:
    """The rule, for one kind of item."""
    by_outcome: dict[str, set[str]] = defaultdict(set)
    for item in items:
        by_outcome[item.outcome].add(item.id)
    lost = by_outcome["ok"] - stored.keys()
    assert not lost, f"{len(lost)} of {len(items)} were acknowledged and are not stored: {sorted(lost)[:5]}"
    wrong = stored.keys() - by_outcome["ok"] - by_outcome["unknown"]
    assert not wrong, f"{len(wrong)} are stored though they were refused or never sent: {sorted(wrong)[:5]}"
    twice = [id for id, count in stored.items() if count > 1]
    assert not twice, f"{len(twice)} are stored more than once: {twice[:5]}"


def check_notes(world: World, notes: list[Item]) -> None:
    boards = listed(sorted({note.about for note in notes}))
    rows = world.query(f"select board, number, text from notes.notes where board = any({boards}) order by 1, 2")
    compare(notes, Counter(text for _, _, text in rows))
    places = {text: (board, int(number)) for board, number, text in rows}
    for note in notes:
        if note.outcome == "ok":
            assert places[note.id] == (note.about, note.answer["number"]), f"{note} is stored as {places[note.id]}"
    counts = world.query(f"select id, notes from notes.boards where id = any({boards})")
    for board, count in counts:
        numbers = [int(number) for place, number, _ in rows if place == board]
        assert numbers == list(range(1, int(count) + 1)), f"board {board} has gaps: {numbers}"


def check_members(world: World, members: list[Item]) -> None:
    addresses = listed([member.about for member in members])
    rows = world.query(f"select email, id from identity.members where email = any({addresses})")
    compare(members, Counter(email.partition("@")[0] for email, _ in rows))
    ids = dict(rows)
    for member in members:
        if member.outcome == "ok":
            assert ids[member.about] == member.answer["user"]["id"], f"{member} is stored as {ids[member.about]}"


def check_events(world: World, boards: list[str], within: float = 60) -> None:
    """Each board's events: as many as notes, all published, and heard by the tally once each, in order."""
    events = world.query(f"select subject, version from notes.mesh_outbox where subject = any({listed(boards)}) order by 1, 2")
    versions: dict[str, list[int]] = defaultdict(list)
    for board, version in events:
        versions[board].append(int(version))
    counts = dict(world.query(f"select id, notes from notes.boards where id = any({listed(boards)})"))
    assert versions == {board: list(range(1, int(count) + 1)) for board, count in counts.items() if count != "0"}

    def heard() -> dict[str, list[int]]:
        rows = world.query(f"select board, array_to_string(numbers, ' ') from tally.tallies where board = any({listed(boards)})")
        return {board: [int(number) for number in numbers.split()] for board, numbers in rows}

    wanted = sum(map(len, versions.values()))
    try:
        eventually(lambda: sum(map(len, heard().values())) >= wanted, "the tally has heard of every note", within)
    except AssertionError as error:
        known = heard()
        behind = [f"{board}: {len(known.get(board, []))} of {len(all)}" for board, all in versions.items()]
        parked = world.query("select subject, version, reason from tally.mesh_parked order by 1, 2 limit 10")
        raise AssertionError(f"{error}; heard {behind}, parked {parked}") from None
    assert heard() == versions, "an event took effect twice or out of order"
    for service in ("notes", "identity"):
        left = f"select 1 from {service}.mesh_unpublished limit 1"
        eventually(lambda: not world.query(left), f"the outbox of {service} is published", within)
    assert world.query(f"select count(*) from tally.mesh_parked where subject = any({listed(boards)})") == [["0"]]


def check_answers(world: World, items: list[Item], dice: random.Random) -> None:
    """What was acknowledged is answered in the same way when it is asked again."""
    parts = urlsplit(world.url)

    async def ask_again() -> None:
        connection = Connection(parts.hostname, parts.port)
        for item in dice.sample(items, min(REPEATED, len(items))):
            path = f"/api/v1/boards/{item.about}/notes" if item.kind == "note" else "/api/v1/auth/register"
            body = {"text": item.id} if item.kind == "note" else registration(item.about)
            answer = await connection.ask("POST", path, body, item.id)
            assert (answer.status, answer.json()) == (201, item.answer), f"{item} is now answered {answer}"
        connection.close()

    asyncio.run(ask_again())


def check_health(world: World, before: Load) -> None:
    """When the faults are over, nothing fails any more."""
    with Load(world.url, before.folder, before.dice, Pace(notes=4, members=1), patient=False) as load:
        load.go_on("note", 30)
        load.go_on("member", 3)
        load.go_on("ping", 3)
    assert load.statuses().keys() <= {200, 201}, load.troubles
    items = load.history.read().values()
    check_notes(world, [item for item in items if item.kind == "note"])

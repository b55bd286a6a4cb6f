"""A service that stands still in the middle of a transaction, and goes on when others have done its work."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from harness.report import note
from harness.verdict import check
from harness.world import World
from support.client import connect
from support.waiting import eventually


@contextmanager
def locked(world: World, board: str) -> Iterator[None]:
    """Holds a board's row locked, as its superuser."""
    command = ["psql", world.env["DATABASE_URL"], "-XAtq"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        session.stdin.write(f"begin; select notes from notes.boards where id = '{board}' for update;\n")
        session.stdin.flush()
        session.stdout.readline()
        yield
        session.communicate("rollback;\n", timeout=10)


def is_waiting(world: World) -> str | None:
    """The process of the service that waits for the board, by the name under which it is connected."""
    rows = world.query(
        "select application_name from pg_stat_activity where wait_event_type = 'Lock' and query like '%boards%'"
    )
    return rows[0][0] if rows else None


@pytest.mark.replicas(notes=2)
def test_a_service_stopped_in_a_transaction_is_fenced(world: World, start_load, is_long: bool):
    board, key, text = (str(uuid.uuid4()) for _ in range(3))
    path, headers = f"/api/v1/boards/{board}/notes", {"idempotency-key": key}

    def add() -> httpx.Response:
        with connect(world.url) as http:
            return http.post(path, json={"text": text}, headers=headers)

    with connect(world.url) as http:
        assert http.post(path, json={"text": "the first"}).json() == {"number": 1}
    with start_load() as load:
        with locked(world, board):
            # Its transaction is open and waits for the lock when the process is stopped. Asked without a client's patience.
            asking = subprocess.Popen(
                ["curl", "-s", "-m", "1", f"{world.url}{path}", "-H", f"Idempotency-Key: {key}"]
                + ["-H", "Content-Type: application/json", "-d", f'{{"text":"{text}"}}']
            )
            name = eventually(lambda: is_waiting(world), "the request waits for the lock", 2)
            stopped = next(one for one in world.replicas["notes"] if one.name.replace(".", "-") == name)
            stopped.pause()
            asking.wait()
        # The lock is the stopped process's now. PostgreSQL ends its session, Kafka gives its partitions to the other.
        began = time.monotonic()
        answer = eventually(lambda: (said := add()).status_code == 201 and said, "another replica answers")
        fenced_after = time.monotonic() - began
        assert answer.json() == {"number": 2}
        time.sleep(max(0, (30 if is_long else 7) - fenced_after))
        stopped.go_on()
        load.go_on()
        assert add().json() == {"number": 2}
        stopped.wait_until_ready()
        load.go_on()
    assert world.query(f"select number, text from notes.notes where board = '{board}' order by 1") == [
        ["1", "the first"], ["2", text]
    ]  # fmt: skip
    load.check_manners()
    note(f"a service stopped in a transaction; another did its work after {fenced_after:.1f} s", load)
    check(world, load)

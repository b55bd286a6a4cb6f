"""Hostile bytes: each connection that sends them ends, and nobody else notices."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support import wire
from support.broker import Broker
from support.clients import Confluent
from support.history import Committer, Writer, verify
from support.topics import create, unique
from support.waiting import eventually
from support.wire import I16, I32

SECONDS = 10
MEMORY = 192 << 20

# Every API key there is, and some there are not; each with every version that is advertised, and beyond.
KEYS = [*range(62), 1000, -1, 32767]
VERSIONS = range(-1, 15)


def random_bytes(dice: random.Random) -> bytes:
    return dice.randbytes(dice.randrange(1, 4000))


def wild_length(dice: random.Random) -> bytes:
    length = dice.choice([-1, -(1 << 31), 0, 1, 3, 7, (1 << 31) - 1, 1 << 30, 200 << 20])
    return I32.pack(length) + dice.randbytes(dice.randrange(0, 200))


def garbage_body(dice: random.Random) -> bytes:
    return wire.frame(dice.choice(KEYS), dice.choice(VERSIONS), dice.randbytes(dice.randrange(0, 300)))


def absurd_counts(dice: random.Random) -> bytes:
    """Bodies of counts and lengths that promise far more than comes."""
    parts = [
        dice.choice([I32.pack((1 << 31) - 1), I32.pack(-7), I32.pack(1 << 28), I16.pack(32767), I16.pack(-2)])
        + dice.choice([b"", I32.pack(1), wire.string("topic"), b"\xff\xff\xff\xff\x0f", b"\0" * 8])
        for _ in range(dice.randrange(1, 8))
    ]
    return wire.frame(dice.choice(KEYS), dice.choice(VERSIONS), b"".join(parts))


def cut_frame(dice: random.Random) -> bytes:
    whole = garbage_body(dice)
    return whole[: dice.randrange(1, len(whole))]


def many_requests(dice: random.Random) -> bytes:
    """Pipelined, valid, answered by nobody's reading."""
    return b"".join(wire.frame(wire.API_VERSIONS, 0, b"", number) for number in range(dice.randrange(1, 2000)))


def bad_batch(dice: random.Random) -> Callable[[str], bytes]:
    """A produce to an existing topic whose records are garbage, or a batch with wrong sizes and counts."""

    def made(topic: str) -> bytes:
        body = bytearray(dice.randbytes(dice.randrange(0, 400)))
        if len(body) > 61:
            struct.pack_into(">qiib", body, 0, 0, dice.choice([len(body) - 12, 1 << 30, -5]), -1, 2)
        records = I32.pack(dice.choice([len(body), len(body) + 10, -9])) + body
        partition = I32.pack(1) + wire.string(topic) + I32.pack(1) + I32.pack(dice.choice([0, 0, 77, -1])) + records
        return wire.frame(
            wire.PRODUCE, dice.choice([3, 5, 7]), wire.string(None) + I16.pack(-1) + I32.pack(100) + partition
        )

    return made


KINDS = [random_bytes, wild_length, garbage_body, absurd_counts, cut_frame, many_requests, bad_batch]


def attack(address: str, topic: str, dice: random.Random, until: float, tally: list[int]) -> None:
    """Sends one kind of garbage after another, each on a connection of its own."""
    while time.monotonic() < until:
        made = dice.choice(KINDS)(dice)
        data = made(topic) if callable(made) else made
        with contextlib.suppress(OSError), wire.connect(address, 2) as connection:
            connection.sendall(data)
            connection.settimeout(dice.choice([0.001, 0.05]))
            connection.recv(4096)
        tally.append(1)


def hold_half_frames(address: str, dice: random.Random, count: int) -> list[socket.socket]:
    """Connections that have begun a request and never go on."""
    held = []
    for _ in range(count):
        connection = wire.connect(address)
        connection.sendall((I32.pack(60 << 20) + dice.randbytes(50_000))[: dice.randrange(1, 50_000)])
        held.append(connection)
    return held


@pytest.mark.timeout(120)
def test_good_clients_go_on_while_others_send_garbage(own_broker: Broker, group: str, dice: random.Random) -> None:
    address, pid = own_broker.address, own_broker.pid
    good, target = unique("good"), unique("target")
    create(address, good, 2)
    create(address, target, 1)
    writer = Writer(address, good, "a", 2)
    committer = Committer(address, good, group)

    tally: list[int] = []
    held = hold_half_frames(address, dice, 100)
    until = time.monotonic() + SECONDS
    attackers = [
        threading.Thread(target=attack, args=(address, target, random.Random(dice.random()), until, tally))
        for _ in range(6)
    ]
    for attacker in attackers:
        attacker.start()
    while time.monotonic() < until:
        writer.go_on(within=30)
        assert own_broker.running, own_broker.log()
        assert own_broker.anonymous_memory() < MEMORY, "garbage makes the broker grow"
    for attacker in attackers:
        attacker.join()
    for connection in held:
        connection.close()
    assert len(tally) > 100, "too little garbage was sent to prove anything"

    writer.finish()
    assert not writer.failures, writer.failures[:5]
    ends = {partition: Confluent.end(address, good, partition) for partition in range(2)}
    eventually(lambda: committer.acknowledged == ends, "the good consumer has read everything")
    committer.finish()
    verify(address, good, 2, [writer])
    assert own_broker.pid == pid and own_broker.running
    assert own_broker.anonymous_memory() < MEMORY


@pytest.mark.parametrize("length", [-1, -(1 << 31), 0, (1 << 31) - 1])
def test_an_impossible_length_ends_the_connection(own_broker: Broker, length: int) -> None:
    with wire.connect(own_broker.address) as connection:
        connection.sendall(I32.pack(length) + b"\0" * 64)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_every_key_and_version_is_answered_or_hung_up_on(own_broker: Broker, dice: random.Random) -> None:
    """An empty body, one byte, or noise where the request should be: never a hang, never the end of the broker."""
    for key in range(50):
        for version in range(13):
            for body in (b"", b"\0", b"\xff" * 12, dice.randbytes(60)):
                with wire.connect(own_broker.address) as connection, contextlib.suppress(ConnectionError):
                    connection.sendall(wire.frame(key, version, body))
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
    assert own_broker.running, own_broker.log()
    assert wire.api_versions(own_broker.address)


def test_more_connections_than_allowed_are_turned_away(tmp_path: Path) -> None:
    with Broker(tmp_path / "data", "--max-connections", "20") as broker:
        held = [wire.connect(broker.address) for _ in range(20)]
        eventually(lambda: turned_away(broker.address), "one more is turned away")
        for connection in held:
            connection.close()
        eventually(lambda: not turned_away(broker.address), "there is room again")


def turned_away(address: str) -> bool:
    try:
        return not wire.api_versions(address)
    except ConnectionError:
        return True

"""The broker killed under load, again and again: what it acknowledged is there, in order, once."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from support.broker import Broker
from support.clients import Confluent, Record
from support.history import Committer, Writer, committed, verify
from support.members import Members, values_read
from support.topics import create, unique
from support.waiting import eventually

PARTITIONS = 4


def rounds(request: pytest.FixtureRequest) -> int:
    return int(os.environ.get("KILL_ROUNDS", 50 if request.config.getoption("--long") else 5))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("flush", ["interval", "always"])
def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(
    tmp_path: Path, dice: random.Random, group: str, request: pytest.FixtureRequest, flush: str
) -> None:
    with Broker(tmp_path / "data", "--flush", flush) as broker:
        topic = unique("killed")
        create(broker.address, topic, PARTITIONS, {"segment.bytes": "1048576"})
        writers = [Writer(broker.address, topic, name, PARTITIONS) for name in "ab"]
        committer = Committer(broker.address, topic, group)
        for _ in range(rounds(request)):
            for writer in writers:
                writer.go_on()
            time.sleep(dice.uniform(0.05, 1.0))
            broker.kill()
            promised = dict(committer.acknowledged)
            time.sleep(dice.uniform(0, 0.2))
            broker.start()
            kept = committed(broker.address, group, topic, PARTITIONS)
            behind = {p: (offset, kept.get(p)) for p, offset in promised.items() if kept.get(p, -1) < offset}
            assert not behind, f"committed offsets went back (promised, kept): {behind}"
        for writer in writers:
            writer.finish()
            assert not writer.failures, writer.failures[:5]
        ends = {partition: Confluent.end(broker.address, topic, partition) for partition in range(PARTITIONS)}
        eventually(lambda: committer.acknowledged == ends, "the group has read and committed everything", 60)
        committer.finish()
        stored = verify(broker.address, topic, PARTITIONS, writers)
        assert stored == sum(sum(writer.sent.values()) for writer in writers), "everything was acknowledged in the end"


def test_a_stopped_broker_keeps_everything_and_ends_with_success(own_broker: Broker, group: str) -> None:
    topic = unique("stopped")
    create(own_broker.address, topic, 2, {"retention.ms": "123456789"})
    written = [Record(b"k", str(number).encode()) for number in range(100)]
    Confluent().produce(own_broker.address, topic, written)
    committer = Committer(own_broker.address, topic, group)
    eventually(lambda: committer.acknowledged == {0: 100}, "everything is committed")
    committer.finish()
    assert own_broker.stop() == 0
    own_broker.start()
    read = Confluent().consume(own_broker.address, topic, 100)
    assert [record.value for record in read] == [record.value for record in written]
    assert committed(own_broker.address, group, topic, 2) == {0: 100}
    assert Confluent.partitions(own_broker.address, topic) == 2


def test_a_stop_under_load_loses_nothing(own_broker: Broker) -> None:
    topic = unique("stopped")
    create(own_broker.address, topic, PARTITIONS)
    writer = Writer(own_broker.address, topic, "a", PARTITIONS)
    for _ in range(3):
        writer.go_on(100)
        assert own_broker.stop() == 0
        own_broker.start()
    writer.finish()
    assert not writer.failures, writer.failures[:5]
    verify(own_broker.address, topic, PARTITIONS, [writer])


def test_a_group_goes_on_after_the_broker_was_killed(own_broker: Broker, group: str, tmp_path: Path) -> None:
    """Members find their way back by themselves, static ones too."""
    topic = unique("killed")
    create(own_broker.address, topic, 4)
    with Members(own_broker.address, group, tmp_path) as members:
        joined = [
            members.join("confluent-kafka", topic, commit=True, instance="replica-0"),
            members.join("kafka-python", topic, commit=True),
            members.join("aiokafka", topic, commit=True),
        ]
        eventually(lambda: sum(len(member.assignment) for member in joined) == 4, "the members share the topic")
        own_broker.kill()
        own_broker.start()
        for partition in range(4):
            Confluent().produce(own_broker.address, topic, [Record(None, str(partition).encode())], partition=partition)
        eventually(lambda: values_read(joined) == {"0", "1", "2", "3"}, "every partition is read again", 60)

"""Log files cut or flipped behind the broker's back: it starts, and everything before the damage is still there."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from support.broker import Broker
from support.clients import Confluent, Record
from support.topics import create, unique

COUNT = 120


class Intact:
    """A data folder whose broker was killed, with one record to a batch, and where in the segments each one lies."""

    def __init__(self, folder: Path) -> None:
        self.topic = unique("damaged")
        self.values = [f"<{number:06}>".encode() + b"." * (number * 37 % 900) for number in range(COUNT)]
        with Broker(folder / "data") as broker:
            create(broker.address, self.topic, 1, {"segment.bytes": "16384"})
            producer = Producer({"bootstrap.servers": broker.address, "enable.idempotence": True})
            for value in self.values:
                producer.produce(self.topic, value, partition=0)
                assert producer.flush(30) == 0
        self.data = broker.data
        segments = [path for path in broker.segments() if self.topic in str(path)]
        assert len(segments) > 1, "the log has only one segment"
        self.last = segments[-1].relative_to(self.data)
        content = segments[-1].read_bytes()
        found = {number: content.find(value) for number, value in enumerate(self.values)}
        # The batch ends after the value and the count of its headers, which is one byte.
        self.ends = {n: place + len(self.values[n]) + 1 for n, place in found.items() if place >= 0}
        self.size = max(self.ends.values())
        self.first = min(self.ends)

    def before(self, position: int) -> int:
        """How many records lie whole before `position` in the last segment, those of earlier segments included."""
        return self.first + sum(end <= position for end in self.ends.values())


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Intact:
    return Intact(tmp_path_factory.mktemp("intact"))


def read_through(address: str, topic: str, mark: bytes) -> list[bytes]:
    """Writes `mark`, and reads everything from the beginning up to it.

    Offsets that were once given out may be passed over, but the order stays.
    """
    Confluent().produce(address, topic, [Record(None, mark)])
    reader = Consumer({"bootstrap.servers": address, "group.id": "unused", "check.crcs": True})
    reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    values: list[bytes] = []
    last = -1
    try:
        while mark not in values:
            message = reader.poll(30)
            assert message is not None, f"nothing came after offset {last}"
            assert message.error() is None, message.error()
            assert message.offset() > last
            last = message.offset()
            values.append(message.value())
        return values[:-1]
    finally:
        reader.close()


def cut(segment: Path, dice: random.Random, size: int) -> int:
    """Takes a random part of the end away."""
    position = dice.randrange(size)
    with open(segment, "r+b") as file:
        file.truncate(position)
    return position


def flip(segment: Path, dice: random.Random, size: int) -> int:
    """Flips one bit."""
    position = dice.randrange(size)
    flip_bit(segment, position, dice.randrange(8))
    return position


def flip_bit(segment: Path, position: int, bit: int) -> None:
    with open(segment, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


def scribble(segment: Path, dice: random.Random, size: int) -> int:
    """Writes random bytes over some of the file, and beyond its end at times."""
    position = dice.randrange(size)
    with open(segment, "r+b") as file:
        file.seek(position)
        file.write(dice.randbytes(dice.randrange(1, 2000)))
    return position


def blank(segment: Path, dice: random.Random, size: int) -> int:
    """Zeroes the end, as some file systems leave it after a power cut."""
    position = dice.randrange(size)
    with open(segment, "r+b") as file:
        length = file.seek(0, 2)
        file.seek(position)
        file.write(bytes(length - position))
    return position


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("damage", [cut, flip, scribble, blank], ids=lambda function: function.__name__)
def test_nothing_before_the_damage_is_lost(
    tmp_path: Path, intact: Intact, dice: random.Random, damage: object, attempt: int
) -> None:
    data = tmp_path / "data"
    shutil.copytree(intact.data, data)
    position = damage(data / intact.last, dice, intact.size)
    whole = intact.before(position)
    with Broker(data) as broker:
        read = read_through(broker.address, intact.topic, b"mark")
        assert read == intact.values[: len(read)], "a record came that was never written so"
        assert len(read) >= whole, f"damage at byte {position} lost records {len(read)} … {whole - 1} before it"
        if len(read) < COUNT:
            assert intact.topic in broker.log(), "records were dropped without a word"
        broker.kill()
        broker.start()
        assert read_through(broker.address, intact.topic, b"again") == [*read, b"mark"], "the mark was not kept"


def test_a_reader_finds_the_end_after_damage(tmp_path: Path, intact: Intact) -> None:
    """Whoever reads a topic whole before being ready would else wait for a record that may never be written."""
    data = tmp_path / "data"
    shutil.copytree(intact.data, data)
    flip_bit(data / intact.last, intact.ends[COUNT - 2] - 2, 0)  # in the value of the last record but one
    with Broker(data) as broker:
        settings = {"group.id": "unused", "enable.partition.eof": True}
        reader = Consumer({"bootstrap.servers": broker.address, **settings})
        reader.assign([TopicPartition(intact.topic, 0, OFFSET_BEGINNING)])
        try:
            read = 0
            while (message := reader.poll(10)) and message.error() is None:
                read += 1
            assert message is not None, f"after {read} records neither a record nor the end came"
            assert message.error().code() == KafkaError._PARTITION_EOF
        finally:
            reader.close()


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "garbage"])
def test_what_is_derived_from_the_log_is_made_again(
    tmp_path: Path, intact: Intact, dice: random.Random, missing: bool
) -> None:
    """Files beside the log only speed things up: with all of them gone or garbage, everything is read."""
    data = tmp_path / "data"
    shutil.copytree(intact.data, data)
    derived = [path for path in (data / intact.last).parent.iterdir() if path.suffix != ".log"]
    assert derived, "nothing to damage"
    for path in derived:
        if missing:
            path.unlink()
        else:
            path.write_bytes(dice.randbytes(path.stat().st_size + 7))
    with Broker(data) as broker:
        assert read_through(broker.address, intact.topic, b"mark") == intact.values

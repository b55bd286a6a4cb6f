"""Disks that are full, or fail to flush: what cannot be kept is not acknowledged. Needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from support.broker import Broker
from support.clients import Confluent
from support.topics import create, unique
from support.waiting import eventually

pytestmark = pytest.mark.long


class OneByOne:
    """A producer without retries, which tells of each record what the broker said."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.acknowledged: dict[int, bytes] = {}
        self._topic = topic
        self._producer = Producer({
            "bootstrap.servers": brokers,
            "acks": "all",
            "retries": 0,
            "enable.idempotence": False,
            "message.timeout.ms": 30_000,
            "log_level": 2,
        })  # fmt: skip

    def write(self, value: bytes) -> str | None:
        """The name of the refusal, or None."""
        answers: list[KafkaError | None] = []

        def answered(error: KafkaError | None, message: Message) -> None:
            answers.append(error)
            if error is None:
                self.acknowledged[message.offset()] = value

        self._producer.produce(self._topic, value, partition=0, on_delivery=answered)
        assert self._producer.flush(40) == 0
        return answers[0].name() if answers[0] else None

    def verify(self, brokers: str) -> None:
        """Everything acknowledged is stored where it was acknowledged."""
        end = Confluent.end(brokers, self._topic)
        read = Confluent().consume(brokers, self._topic, end) if end else []
        kept = {offset: record.value for offset, record in enumerate(read)}
        assert self.acknowledged.items() <= kept.items()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MB."""
    image, place = tmp_path / "disk.img", tmp_path / "disk"
    place.mkdir()
    with open(image, "wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_refuses_records_until_there_is_room(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(8 << 20))
    with Broker(small_disk / "data") as broker:
        topic = unique("full")
        create(broker.address, topic, 1)
        writer = OneByOne(broker.address, topic)
        values = (f"{number:06}".encode() + b"x" * 200_000 for number in range(1000))
        refusal = next(refusal for value in values if (refusal := writer.write(value)))
        assert refusal == "KAFKA_STORAGE_ERROR"
        assert len(writer.acknowledged) > 20
        for value in (b"small", b"y" * 100_000):
            assert writer.write(value) in (None, "KAFKA_STORAGE_ERROR")
        assert broker.running, broker.log()
        writer.verify(broker.address)

        filler.unlink()
        eventually(lambda: writer.write(b"there is room again") is None, "the broker recovers by itself")
        writer.verify(broker.address)
        broker.kill()
        broker.start()
        writer.verify(broker.address)


@pytest.mark.parametrize("nth", [6, 15, 40])
def test_what_could_not_be_flushed_is_not_acknowledged(tmp_path: Path, nth: int) -> None:
    """After one failed fsync the kernel may have dropped the pages, so a later success proves nothing."""
    data = tmp_path / "data"
    topic = unique("unflushed")
    with Broker(data) as broker:
        create(broker.address, topic, 1)
        assert broker.stop() == 0

    flushes = "fsync,fdatasync,sync_file_range"
    fault = ("-e", f"trace={flushes}", "-e", f"inject={flushes}:error=EIO:when={nth}+")
    with Broker(data, wrapper=("strace", "-D", "-f", "-qq", "-o", "/dev/null", *fault)) as failing:
        writer = OneByOne(failing.address, topic)
        answers = [writer.write(f"{number}".encode()) for number in range(60)]
    refused = [number for number, answer in enumerate(answers) if answer]
    assert refused, "every flush failed, and all was acknowledged"
    assert all(answers[refused[0] :]), f"acknowledged after a failed flush: {answers}"

    with Broker(data) as broker:
        writer.verify(broker.address)
        assert OneByOne(broker.address, topic).write(b"healthy again") is None

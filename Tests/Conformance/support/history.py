"""What clients were told, kept to be held against what is stored in the end.

The rule: acknowledged ⊆ stored ⊆ sent, each record once, and in the order it was sent.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from support.clients import Confluent
from support.waiting import eventually


class Writer:
    """An idempotent producer in a thread of its own. Its records are `name:number`, numbered in each partition."""

    def __init__(self, brokers: str, topic: str, name: str, partitions: int, **settings: object) -> None:
        self.name = name
        self.sent: dict[int, int] = defaultdict(int)
        self.acknowledged: dict[int, dict[int, int]] = defaultdict(dict)  # partition → number → offset
        self.failures: list[str] = []
        self._topic = topic
        self._partitions = partitions
        self._stop = threading.Event()
        self._producer = Producer({
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 1,
            "message.timeout.ms": 120_000,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "queue.buffering.max.messages": 2000,
            "log_level": 2,  # lost connections are what the tests are about
            **settings,
        })  # fmt: skip
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def acknowledgements(self) -> int:
        return sum(len(numbers) for numbers in list(self.acknowledged.values()))

    def go_on(self, records: int = 1, within: float = 60) -> None:
        """Waits until this many more records are acknowledged."""
        wanted = self.acknowledgements + records
        eventually(lambda: self.acknowledgements >= wanted, f"{self.name} goes on", within)

    def finish(self, within: float = 90) -> None:
        """Sends no more, and waits until every record has its answer."""
        self._stop.set()
        self._thread.join(within)
        left = self._producer.flush(within)
        assert left == 0, f"{left} records of {self.name} were never answered"

    def _run(self) -> None:
        while not self._stop.is_set():
            partition = sum(self.sent.values()) % self._partitions
            number = self.sent[partition]
            try:
                self._producer.produce(
                    self._topic, f"{self.name}:{number}", partition=partition, on_delivery=self._answered
                )
                self.sent[partition] = number + 1
                self._producer.poll(0)
            except BufferError:
                self._producer.poll(0.05)
            if number % 50 == 0:
                time.sleep(0.002)  # steady load on any machine, not as much as it can carry

    def _answered(self, error: KafkaError | None, message: Message) -> None:
        if error:
            self.failures.append(f"{message.value()}: {error}")
        else:
            number = int(message.value().split(b":")[1])
            self.acknowledged[message.partition()][number] = message.offset()


class Committer:
    """A group member in a thread of its own that reads, commits, and remembers which commits were acknowledged."""

    def __init__(self, brokers: str, topic: str, group: str) -> None:
        self.acknowledged: dict[int, int] = {}
        self._stop = threading.Event()
        self._consumer = Consumer({
            "bootstrap.servers": brokers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "log_level": 2,
        })  # fmt: skip
        self._consumer.subscribe([topic])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        self._stop.set()
        self._thread.join(60)
        self._consumer.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            read = [message for message in self._consumer.consume(100, 0.1) if not message.error()]
            if not read:
                continue
            try:
                done = self._consumer.commit(asynchronous=False)
            except KafkaException:
                continue  # unknown: the broker may have died before or after it wrote
            for place in done:
                if place.error is None and place.offset >= 0:
                    self.acknowledged[place.partition] = place.offset


def committed(brokers: str, group: str, topic: str, partitions: int) -> dict[int, int]:
    """The offsets a group would begin at; partitions without one are left out."""
    reader = Consumer({"bootstrap.servers": brokers, "group.id": group})
    try:
        places = reader.committed([TopicPartition(topic, partition) for partition in range(partitions)], 30)
    finally:
        reader.close()
    assert all(place.error is None for place in places), [str(place.error) for place in places]
    return {place.partition: place.offset for place in places if place.offset >= 0}


def verify(brokers: str, topic: str, partitions: int, writers: list[Writer]) -> int:
    """Holds everything stored against what the writers were told; returns how many records are stored."""
    total = 0
    for partition in range(partitions):
        end = Confluent.end(brokers, topic, partition)
        stored: dict[str, list[tuple[int, int]]] = defaultdict(list)  # writer → (number, offset)
        for offset, record in enumerate(Confluent().consume(brokers, topic, end, partition) if end else []):
            name, number = record.value.decode().split(":")
            stored[name].append((int(number), offset))
        for writer in writers:
            numbers = [number for number, _ in stored[writer.name]]
            assert numbers == sorted(set(numbers)), f"{writer.name} in partition {partition}: twice or out of order"
            assert all(number < writer.sent[partition] for number in numbers), "a record that nobody sent"
            kept, told = dict(stored[writer.name]), writer.acknowledged[partition]
            lost = [number for number in told if number not in kept]
            assert not lost, f"{writer.name} in partition {partition}: acknowledged and lost: {lost[:10]}"
            moved = [number for number, offset in told.items() if kept[number] != offset]
            assert not moved, f"{writer.name} in partition {partition}: not where it was acknowledged: {moved[:10]}"
        total += end
    return total

"""Events put into a topic by hand: copies of real ones, and ones that nobody can handle."""

from __future__ import annotations

import random
import threading
import time
import uuid
from datetime import datetime, timezone

from confluent_kafka import Consumer, Producer, TopicPartition

PARTITIONS = 24


class Meddler:
    """Reads a topic of events and puts copies back: some at once, some late, in no order. From `with` to its end."""

    def __init__(self, brokers: str, topic: str, dice: random.Random, share: float = 0.5, delay: float = 2.0) -> None:
        self._settings = {"bootstrap.servers": brokers, "log_level": 2}
        self._topic, self._dice, self._share, self._delay = topic, dice, share, delay
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meddler")
        self.copies = 0

    def __enter__(self) -> Meddler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        consumer = Consumer(self._settings | {"group.id": "meddler", "auto.offset.reset": "latest", "enable.auto.commit": False})
        consumer.assign([TopicPartition(self._topic, partition, -1) for partition in range(PARTITIONS)])
        producer = Producer(self._settings)
        due: list[tuple[float, object]] = []
        own = set()
        while not self._over.is_set() or due:
            for message in consumer.consume(100, 0.02):
                place = (message.partition(), message.offset())
                # Copies of copies would never end.
                if message.error() or place in own or b"1" == dict(message.headers() or []).get("meddled"):
                    continue
                if self._dice.random() < self._share and not self._over.is_set():
                    due.append((time.monotonic() + self._dice.random() * self._delay, message))
            self._dice.shuffle(due)
            ready = [message for when, message in due if when <= time.monotonic()]
            due = [(when, message) for when, message in due if when > time.monotonic()]
            for message in ready:
                headers = [*message.headers(), ("meddled", b"1")]
                producer.produce(self._topic, message.value(), message.key(), message.partition(), headers=headers)
                self.copies += 1
            producer.poll(0)
        producer.flush(30)
        consumer.close()


def note_added(board: str, number: int, text: str) -> dict:
    """An event of the notes service, as CloudEvents 1.0 in Kafka's binary mode."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_type": "notes.added",
        "ce_source": "/notes",
        "ce_subject": board,
        "ce_time": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ce_version": str(number),
        "content-type": "application/json",
    }
    value = f'{{"board":"{board}","number":{number},"text":"{text}"}}'
    return {"key": board, "value": value, "headers": list(headers.items())}


def publish(brokers: str, topic: str, events: list[dict]) -> None:
    """Writes events, in order."""
    producer = Producer({"bootstrap.servers": brokers, "log_level": 2})
    for event in events:
        producer.produce(topic, **event)
    assert producer.flush(30) == 0

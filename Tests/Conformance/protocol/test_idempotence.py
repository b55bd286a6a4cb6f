"""Answers that never reach the producer: it asks again, and the log has each record once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import aiokafka
import kafka
import pytest
from confluent_kafka import KafkaError, Producer

from support.clients import Confluent
from support.proxy import Proxy
from support.wire import PRODUCE

COUNT = 400
LOSSES = 12


class Losing:
    """Loses about every third answer to a produce, until it has lost `LOSSES`."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.lost = 0

    def __call__(self, key: int) -> bool:
        lose = key == PRODUCE and self.lost < LOSSES and self._dice.random() < 0.3
        self.lost += lose
        return lose


def with_librdkafka(brokers: str, topic: str) -> None:
    failures: list[KafkaError] = []
    producer = Producer({
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "linger.ms": 0,
        "batch.num.messages": 5,
        "reconnect.backoff.ms": 1,
        "retry.backoff.ms": 1,
    })  # fmt: skip
    for number in range(COUNT):
        producer.produce(
            topic, str(number), partition=0, on_delivery=lambda error, _: failures.append(error) if error else None
        )
    assert producer.flush(60) == 0
    assert not failures, failures


def with_kafka_python(brokers: str, topic: str) -> None:
    producer = kafka.KafkaProducer(
        bootstrap_servers=brokers, enable_idempotence=True, batch_size=60, reconnect_backoff_ms=1, retry_backoff_ms=1
    )
    sent = [producer.send(topic, str(number).encode(), partition=0) for number in range(COUNT)]
    for future in sent:
        future.get(60)
    producer.close()


def with_aiokafka(brokers: str, topic: str) -> None:
    async def run() -> None:
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=brokers, enable_idempotence=True, max_batch_size=100, retry_backoff_ms=1
        )
        await producer.start()
        try:
            sent = [await producer.send(topic, str(number).encode(), partition=0) for number in range(COUNT)]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    asyncio.run(asyncio.wait_for(run(), 60))


@pytest.mark.parametrize("produce", [with_librdkafka, with_kafka_python, with_aiokafka], ids=lambda f: f.__name__)
def test_records_are_stored_once_and_in_order_though_answers_are_lost(
    brokers: str, topic: str, dice: random.Random, produce: Callable[[str, str], None]
) -> None:
    losing = Losing(dice)
    with Proxy(brokers, losing) as proxy:
        produce(proxy.address, topic)
    assert losing.lost >= 5, "too few answers were lost to prove anything"
    read = Confluent().consume(brokers, topic, COUNT)
    assert [int(record.value) for record in read] == list(range(COUNT))
    assert Confluent().end(brokers, topic) == COUNT, "records were stored twice"


def test_two_producers_do_not_stand_in_for_one_another(brokers: str, topic: str) -> None:
    """Both number their records from 0 on; only the producer id tells them apart."""
    producers = [Producer({"bootstrap.servers": brokers, "enable.idempotence": True}) for _ in range(2)]
    for number in range(20):
        for name, producer in zip("ab", producers, strict=True):
            producer.produce(topic, f"{name}{number}", partition=0)
            assert producer.flush(30) == 0
    read = [record.value.decode() for record in Confluent().consume(brokers, topic, 40)]
    assert read == [f"{name}{number}" for number in range(20) for name in "ab"]


def test_a_producer_goes_on_in_each_partition_by_itself(brokers: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic(3)
    producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True})
    for number in range(30):
        producer.produce(topic, str(number), partition=number % 3)
        assert producer.flush(30) == 0
    for partition in range(3):
        read = Confluent().consume(brokers, topic, 10, partition)
        assert [int(record.value) for record in read] == list(range(partition, 30, 3))

"""Order, sizes and acknowledgements of what is produced."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable

import aiokafka.errors
import kafka.errors
import pytest
from confluent_kafka import KafkaError, Message, Producer

from support.clients import CLIENTS, AIOKafka, Client, Confluent, KafkaPython, Record

MEGABYTE = 1 << 20


def outcome(producer: Producer, topic: str, value: bytes) -> KafkaError | None:
    """The broker's answer to one record."""
    answers: list[KafkaError | None] = []
    producer.produce(topic, value, partition=0, on_delivery=lambda error, _: answers.append(error))
    assert producer.flush(30) == 0
    return answers[0]


def test_each_partition_keeps_its_order(brokers: str, new_topic: Callable[..., str]) -> None:
    topic, partitions, count = new_topic(4), 4, 2000
    acknowledged: dict[int, list[int]] = defaultdict(list)

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        acknowledged[message.partition()].append(message.offset())

    producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 1})
    for number in range(count):
        producer.produce(topic, str(number), partition=number % partitions, on_delivery=delivered)
        producer.poll(0)
    assert producer.flush(30) == 0

    for partition in range(partitions):
        assert acknowledged[partition] == list(range(count // partitions)), "offsets are not gapless"
        read = Confluent().consume(brokers, topic, count // partitions, partition)
        assert [int(record.value) for record in read] == list(range(partition, count, partitions))


@pytest.mark.parametrize("acks", ["0", "1", "all"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_records_arrive_whatever_acknowledgement_was_asked(brokers: str, topic: str, client: Client, acks: str) -> None:
    written = [Record(b"k", str(number).encode()) for number in range(10)]
    client.produce(brokers, topic, written, acks=acks)
    read = Confluent().consume(brokers, topic, 10)
    assert [record.value for record in read] == [record.value for record in written]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_megabyte_goes_through(brokers: str, new_topic: Callable[..., str], client: Client) -> None:
    topic = new_topic(max_message_bytes=str(3 * MEGABYTE))
    written = [Record(b"k", os.urandom(MEGABYTE // 2).hex().encode()), Record(b"k", b"small")]
    client.produce(brokers, topic, written)
    for consumer in CLIENTS:
        read = consumer.consume(brokers, topic, 2)
        assert [record.value for record in read] == [record.value for record in written], consumer.name


def test_a_record_larger_than_the_fetch_limit_still_arrives(brokers: str, new_topic: Callable[..., str]) -> None:
    """Else a consumer would stand still before it for ever (KIP-74)."""
    topic = new_topic(max_message_bytes=str(3 * MEGABYTE))
    Confluent().produce(brokers, topic, [Record(None, b"x" * (2 * MEGABYTE))])
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=brokers, max_partition_fetch_bytes=10_000, fetch_max_bytes=20_000, consumer_timeout_ms=30_000
    )
    place = kafka.TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    assert len(next(consumer).value) == 2 * MEGABYTE
    consumer.close()


class TestARecordOverTheLimit:
    """The refusal names its reason, nothing is stored, and the connection goes on."""

    @pytest.fixture
    def small_topic(self, new_topic: Callable[..., str]) -> str:
        return new_topic(max_message_bytes="20000")

    def test_is_refused_to_librdkafka(self, brokers: str, small_topic: str) -> None:
        producer = Producer({"bootstrap.servers": brokers, "message.max.bytes": 4 * MEGABYTE})
        refusal = outcome(producer, small_topic, b"x" * 100_000)
        assert refusal is not None and refusal.name() == "MSG_SIZE_TOO_LARGE", refusal
        assert outcome(producer, small_topic, b"small") is None
        assert [record.value for record in Confluent().consume(brokers, small_topic, 1)] == [b"small"]

    def test_is_refused_to_kafka_python(self, brokers: str, small_topic: str) -> None:
        with pytest.raises(kafka.errors.MessageSizeTooLargeError):
            KafkaPython().produce(brokers, small_topic, [Record(None, b"x" * 100_000)])

    def test_is_refused_to_aiokafka(self, brokers: str, small_topic: str) -> None:
        with pytest.raises(aiokafka.errors.MessageSizeTooLargeError):
            AIOKafka().produce(brokers, small_topic, [Record(None, b"x" * 100_000)])

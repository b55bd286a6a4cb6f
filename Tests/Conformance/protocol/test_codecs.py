"""Whatever one client writes, every other reads, in each codec."""

from __future__ import annotations

import time

import pytest

from support.clients import CLIENTS, CODECS, Client, Confluent, Kcat, Record
from support.wire import stored_batches

HEADERS = (("trace", b"00-4bf92f35"), ("kind", b"booking"), ("kind", b"twice"), ("empty", b""))
WRITTEN_AT = 1_600_000_000_123


def records(client: Client) -> list[Record]:
    """Enough alike to be worth compressing, with a null value and a null key among them."""
    written_at = WRITTEN_AT if client.sets_timestamps else None
    values = [f"value {number} ".encode() * 20 for number in range(40)]
    made = [Record(f"key {n % 7}".encode(), value, HEADERS, written_at) for n, value in enumerate(values)]
    return [*made, Record(b"gone", None, HEADERS, written_at), Record(None, b"no key", HEADERS, written_at)]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("producer", CLIENTS, ids=lambda client: client.name)
def test_every_client_reads_what_one_wrote(brokers: str, topic: str, producer: Client, codec: str) -> None:
    written = records(producer)
    before = int(time.time() * 1000)
    producer.produce(brokers, topic, written, codec)
    after = int(time.time() * 1000)

    stored = stored_batches(brokers, topic)
    assert sum(batch.records for batch in stored) == len(written)
    assert {batch.codec for batch in stored if batch.records > 2} == {codec}, "the broker changed the compression"

    for consumer in CLIENTS:
        read = consumer.consume(brokers, topic, len(written))
        assert [(r.key, r.value, r.headers) for r in read] == [(r.key, r.value, r.headers) for r in written], (
            f"{consumer.name} read something else"
        )
        if producer.sets_timestamps:
            assert {r.timestamp for r in read} == {WRITTEN_AT}, f"{consumer.name} read other timestamps"
        else:
            assert all(before <= r.timestamp <= after for r in read)


def test_a_null_header_differs_from_an_empty_one(brokers: str, topic: str) -> None:
    written = [Record(b"k", b"v", (("null", None), ("empty", b"")), WRITTEN_AT)]
    Confluent().produce(brokers, topic, written)
    for consumer in CLIENTS:
        assert consumer.consume(brokers, topic, 1) == written, consumer.name


def test_an_empty_value_differs_from_a_null_one(brokers: str, topic: str) -> None:
    written = [Record(b"", b"", (), WRITTEN_AT), Record(None, None, (), WRITTEN_AT)]
    Confluent().produce(brokers, topic, written)
    for consumer in CLIENTS:
        assert consumer.consume(brokers, topic, 2) == written, consumer.name


def test_codecs_may_follow_one_another_in_one_partition(brokers: str, topic: str) -> None:
    for codec in CODECS:
        Confluent().produce(brokers, topic, [Record(codec.encode(), b"alike " * 100)] * 5, codec)
    expected = [codec.encode() for codec in CODECS for _ in range(5)]
    for consumer in CLIENTS:
        assert [record.key for record in consumer.consume(brokers, topic, 25)] == expected, consumer.name


def test_kcat_prints_offsets_from_zero_on(brokers: str, topic: str) -> None:
    Kcat().produce(brokers, topic, [Record(None, b"one"), Record(None, b"two")])
    printed = Kcat.run(brokers, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-f", "%p %o %s\n")
    assert printed == "0 0 one\n0 1 two\n"

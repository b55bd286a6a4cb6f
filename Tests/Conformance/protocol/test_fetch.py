"""How long a fetch waits, and what ends the wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import confluent_kafka
import kafka
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, TopicPartition

from support.clients import Confluent, Record
from support.wire import Fetched, fetch

# A fetch waits this long when nothing comes; one that was woken is back in a small part of it.
LONG = 20.0
PROMPT = 10.0


def later(seconds: float, act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=lambda: (time.sleep(seconds), act()))
    thread.start()
    return thread


def test_a_waiting_fetch_is_woken_by_the_produce(brokers: str, topic: str) -> None:
    waker = later(0.5, lambda: Confluent().produce(brokers, topic, [Record(None, b"wake")]))
    began = time.monotonic()
    woken = fetch(brokers, topic, 0, wait=LONG)
    assert time.monotonic() - began < PROMPT, "the fetch slept on"
    waker.join()
    assert [batch.records for batch in woken.batches] == [1]


def test_a_fetch_without_records_waits_as_long_as_it_said(brokers: str, topic: str) -> None:
    began = time.monotonic()
    assert fetch(brokers, topic, 0, wait=1.0).data == b""
    assert 0.9 <= time.monotonic() - began < PROMPT


def test_a_fetch_waits_for_as_many_bytes_as_it_asked(brokers: str, topic: str) -> None:
    Confluent().produce(brokers, topic, [Record(None, b"x" * 1000)])
    began = time.monotonic()
    assert len(fetch(brokers, topic, 0, wait=1.0, at_least=50_000).batches) == 1
    assert time.monotonic() - began >= 0.9, "it did not wait for more"

    waker = later(0.5, lambda: Confluent().produce(brokers, topic, [Record(None, b"y" * 60_000)]))
    began = time.monotonic()
    assert len(fetch(brokers, topic, 0, wait=LONG, at_least=50_000).batches) == 2
    assert time.monotonic() - began < PROMPT, "enough bytes did not wake it"
    waker.join()


def test_a_fetch_that_wants_nothing_in_particular_returns_at_once(brokers: str, topic: str) -> None:
    began = time.monotonic()
    assert fetch(brokers, topic, 0, wait=LONG, at_least=0).data == b""
    assert time.monotonic() - began < PROMPT


def test_a_fetch_brings_no_more_than_asked_but_always_one_batch(brokers: str, topic: str) -> None:
    for _ in range(5):
        Confluent().produce(brokers, topic, [Record(None, b"x" * 1000)])
    assert len(fetch(brokers, topic, 0, at_most=2500).batches) == 2
    assert len(fetch(brokers, topic, 0, at_most=10).batches) == 1
    assert len(fetch(brokers, topic, 0).batches) == 5


def test_librdkafka_hears_at_once(brokers: str, topic: str) -> None:
    settings = {"fetch.wait.max.ms": int(LONG * 1000), "enable.partition.eof": True, "group.id": "unused"}
    reader = confluent_kafka.Consumer({"bootstrap.servers": brokers, **settings})
    reader.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    # The end is told by an empty answer, for which the broker may wait its full time; so give it something to read.
    Confluent().produce(brokers, topic, [Record(None, b"first")])
    assert reader.poll(LONG + 10).value() == b"first"
    for _ in range(3):
        began = time.monotonic()
        Confluent().produce(brokers, topic, [Record(None, b"next")])
        message = reader.poll(LONG + 10)
        while message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            message = reader.poll(LONG + 10)
        assert message.value() == b"next"
        assert time.monotonic() - began < PROMPT
    reader.close()


def test_kafka_python_hears_at_once(brokers: str, topic: str) -> None:
    reader = kafka.KafkaConsumer(bootstrap_servers=brokers, fetch_max_wait_ms=int(LONG * 1000))
    place = kafka.TopicPartition(topic, 0)
    reader.assign([place])
    reader.seek_to_beginning(place)
    assert reader.poll(500) == {}
    began = time.monotonic()
    Confluent().produce(brokers, topic, [Record(None, b"next")])
    assert [message.value for message in reader.poll(LONG * 1000)[place]] == [b"next"]
    assert time.monotonic() - began < PROMPT
    reader.close()


def test_many_readers_all_hear(brokers: str, topic: str) -> None:
    heard: list[Fetched] = []
    readers = [later(0, lambda: heard.append(fetch(brokers, topic, 0, wait=LONG))) for _ in range(10)]
    time.sleep(0.3)  # so that most of them wait already; those that do not must be served just the same
    began = time.monotonic()
    Confluent().produce(brokers, topic, [Record(None, b"all")])
    for reader in readers:
        reader.join()
    assert time.monotonic() - began < PROMPT
    assert [len(one.batches) for one in heard] == [1] * 10


def test_a_reader_at_the_end_of_a_quiet_topic_learns_so(brokers: str, topic: str) -> None:
    settings = {"fetch.wait.max.ms": 100, "enable.partition.eof": True, "group.id": "unused"}
    reader = confluent_kafka.Consumer({"bootstrap.servers": brokers, **settings})
    reader.assign([TopicPartition(topic, 0, OFFSET_END)])
    assert reader.poll(30).error().code() == KafkaError._PARTITION_EOF
    reader.close()

"""The clients under one roof: each produces records into a partition and reads a partition from its start.

A record read must equal the record produced, whichever client did which. What only some clients can do (timestamps of
one's own, a null beside an empty key) is left to the tests that need it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from typing import Protocol

import aiokafka
import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient

SECONDS = 30
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Record:
    """One record; `timestamp` in milliseconds, None where its producer sets it."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None


class Client(Protocol):
    """What each client can do. Both fail after `SECONDS`."""

    name: str
    sets_timestamps: bool

    def produce(self, brokers: str, topic: str, records: list[Record], codec: str = "none", acks: str = "all") -> None:
        """Returns when every record is acknowledged; the records form as few batches as the client can manage."""

    def consume(self, brokers: str, topic: str, count: int, partition: int = 0) -> list[Record]:
        """The first `count` records of the partition."""


class Confluent:
    """confluent-kafka, a current librdkafka."""

    name = "confluent-kafka"
    sets_timestamps = True

    def produce(
        self,
        brokers: str,
        topic: str,
        records: list[Record],
        codec: str = "none",
        acks: str = "all",
        partition: int = 0,
    ) -> None:
        settings = {"compression.type": codec, "acks": acks, "linger.ms": 50, "message.max.bytes": 4 << 20}
        producer = confluent_kafka.Producer({"bootstrap.servers": brokers, **settings})
        failures: list[object] = []
        for record in records:
            timestamp = {} if record.timestamp is None else {"timestamp": record.timestamp}
            producer.produce(
                topic,
                record.value,
                record.key,
                partition=partition,
                headers=list(record.headers),
                on_delivery=lambda error, _: failures.append(error) if error else None,
                **timestamp,
            )
        assert producer.flush(SECONDS) == 0, "not every record was answered in time"
        assert not failures, failures

    def consume(self, brokers: str, topic: str, count: int, partition: int = 0) -> list[Record]:
        consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "unused", "check.crcs": True})
        consumer.assign([confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)])
        try:
            messages = consumer.consume(count, SECONDS)
        finally:
            consumer.close()
        assert len(messages) == count, f"{len(messages)} records of {count} came"
        return [self._record(message) for message in messages]

    @staticmethod
    def partitions(brokers: str, topic: str) -> int:
        """How many partitions the topic has."""
        found = AdminClient({"bootstrap.servers": brokers}).list_topics(topic, timeout=SECONDS)
        return len(found.topics[topic].partitions)

    @staticmethod
    def end(brokers: str, topic: str, partition: int = 0) -> int:
        """The offset the next record of the partition will get."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "unused"})
        try:
            return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), SECONDS)[1]
        finally:
            consumer.close()

    @staticmethod
    def _record(message: confluent_kafka.Message) -> Record:
        assert message.error() is None, message.error()
        return Record(message.key(), message.value(), tuple(message.headers() or ()), message.timestamp()[1])


class KafkaPython:
    """kafka-python, which produces idempotently unless told otherwise."""

    name = "kafka-python"
    sets_timestamps = True

    def produce(self, brokers: str, topic: str, records: list[Record], codec: str = "none", acks: str = "all") -> None:
        level = "all" if acks == "all" else int(acks)
        producer = kafka.KafkaProducer(
            bootstrap_servers=brokers,
            acks=level,
            enable_idempotence=acks == "all",
            compression_type=None if codec == "none" else codec,
            linger_ms=50,
            batch_size=1 << 20,
            max_request_size=4 << 20,
        )
        try:
            sent = [
                producer.send(topic, r.value, r.key, list(r.headers), partition=0, timestamp_ms=r.timestamp)
                for r in records
            ]
            producer.flush(SECONDS)
            for future in sent:
                future.get(SECONDS)
        finally:
            producer.close(SECONDS)

    def consume(self, brokers: str, topic: str, count: int, partition: int = 0) -> list[Record]:
        consumer = kafka.KafkaConsumer(bootstrap_servers=brokers, consumer_timeout_ms=SECONDS * 1000, check_crcs=True)
        try:
            place = kafka.TopicPartition(topic, partition)
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            return [self._record(next(consumer)) for _ in range(count)]
        finally:
            consumer.close()

    @staticmethod
    def _record(message: object) -> Record:
        return Record(message.key, message.value, tuple(message.headers), message.timestamp)


class AIOKafka:
    """aiokafka, on asyncio."""

    name = "aiokafka"
    sets_timestamps = True

    def produce(self, brokers: str, topic: str, records: list[Record], codec: str = "none", acks: str = "all") -> None:
        async def run() -> None:
            producer = aiokafka.AIOKafkaProducer(
                bootstrap_servers=brokers,
                acks="all" if acks == "all" else int(acks),
                compression_type=None if codec == "none" else codec,
                linger_ms=50,
                max_batch_size=1 << 20,
                max_request_size=4 << 20,
            )
            await producer.start()
            try:
                sent = [
                    await producer.send(
                        topic, r.value, r.key, partition=0, timestamp_ms=r.timestamp, headers=list(r.headers)
                    )
                    for r in records
                ]
                await asyncio.gather(*sent)
            finally:
                await producer.stop()

        asyncio.run(asyncio.wait_for(run(), SECONDS))

    def consume(self, brokers: str, topic: str, count: int, partition: int = 0) -> list[Record]:
        async def run() -> list[Record]:
            consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=brokers, check_crcs=True)
            await consumer.start()
            try:
                place = aiokafka.TopicPartition(topic, partition)
                consumer.assign([place])
                await consumer.seek_to_beginning(place)
                return [self._record(await consumer.getone()) for _ in range(count)]
            finally:
                await consumer.stop()

        return asyncio.run(asyncio.wait_for(run(), SECONDS))

    @staticmethod
    def _record(message: object) -> Record:
        return Record(message.key, message.value, tuple(message.headers), message.timestamp)


class Kcat:
    """kcat, with Debian's librdkafka. It takes text, the same headers for all records, and empty values as nulls."""

    name = "kcat"
    sets_timestamps = False

    def produce(self, brokers: str, topic: str, records: list[Record], codec: str = "none", acks: str = "all") -> None:
        headers = {record.headers for record in records}
        assert len(headers) == 1, "kcat gives all records the same headers"
        flags = [part for name, value in headers.pop() for part in ("-H", f"{name}={value.decode()}")]
        lines = b"".join((r.key or b"") + b"\t" + (r.value or b"") + b"\n" for r in records)
        settings = ["-X", f"acks={acks}", "-X", "linger.ms=50", "-X", "message.max.bytes=4194304"]
        self.run(brokers, "-P", "-t", topic, "-p", "0", "-K", "\t", "-Z", "-z", codec, *settings, *flags, feed=lines)

    def consume(self, brokers: str, topic: str, count: int, partition: int = 0) -> list[Record]:
        place = ["-t", topic, "-p", str(partition), "-o", "beginning", "-c", str(count)]
        printed = self.run(brokers, "-C", *place, "-J", "-X", "check.crcs=true")
        return [self._record(json.loads(line)) for line in printed.splitlines()]

    @staticmethod
    def run(brokers: str, *arguments: str, feed: bytes = b"", status: int = 0) -> str:
        """What kcat prints; fails unless it ends with `status`."""
        command = ["kcat", "-b", brokers, "-q", *arguments]
        done = subprocess.run(command, input=feed, capture_output=True, timeout=SECONDS)
        printed, errors = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == status, f"{' '.join(command)} ended with {done.returncode}: {errors}"
        return printed + (errors if status else "")

    @staticmethod
    def _record(message: dict) -> Record:
        def encoded(text: str | None) -> bytes | None:
            return None if text is None else text.encode()

        flat = message.get("headers", [])
        headers = tuple((name, encoded(value)) for name, value in zip(flat[::2], flat[1::2], strict=True))
        return Record(encoded(message["key"]), encoded(message["payload"]), headers, message["ts"])


CLIENTS: tuple[Client, ...] = (Confluent(), KafkaPython(), AIOKafka(), Kcat())

"""One member of a consumer group, as a process that tests may kill.

Prints one JSON object a line: {"assigned": […]} with the whole assignment after each change, {"revoked": […]} and
{"lost": […]} with what was taken, {"records": [[topic, partition, offset, value], …]}, {"error": "…"}. With
`--commit` every batch read is committed, and {"committed": […]} says what was acknowledged. SIGTERM makes it leave.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Iterable

import aiokafka
import confluent_kafka
import kafka
from aiokafka.coordinator.assignors.range import RangePartitionAssignor as AIORange
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor as AIORoundRobin
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

leaving = False


def leave(*_: object) -> None:
    global leaving
    leaving = True


def say(what: str, value: object) -> None:
    print(json.dumps({what: value}), flush=True)


def places(partitions: Iterable[object]) -> list[list[object]]:
    return sorted([partition.topic, partition.partition] for partition in partitions)


def confluent(options: argparse.Namespace) -> None:
    settings = {"group.instance.id": options.instance} if options.instance else {}
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": options.brokers,
        "group.id": options.group,
        "partition.assignment.strategy": options.strategy,
        "session.timeout.ms": options.session,
        "heartbeat.interval.ms": 500,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **settings,
    })  # fmt: skip
    cooperative = options.strategy == "cooperative-sticky"

    def assigned(_: object, partitions: list[confluent_kafka.TopicPartition]) -> None:
        # In a cooperative rebalance this names what is added; the whole is known once the client has taken it in.
        kept = consumer.assignment() if cooperative else []
        (consumer.incremental_assign if cooperative else consumer.assign)(partitions)
        say("assigned", places([*kept, *partitions]))

    def taken(what: str) -> object:
        return lambda _, partitions: say(what, places(partitions))

    consumer.subscribe(options.topics, on_assign=assigned, on_revoke=taken("revoked"), on_lost=taken("lost"))
    while not leaving:
        messages = consumer.consume(500, 0.1)
        for error in [message.error() for message in messages if message.error()]:
            say("error", error.name())
        read = [message for message in messages if not message.error()]
        if not read:
            continue
        say("records", [[m.topic(), m.partition(), m.offset(), (m.value() or b"").decode()] for m in read])
        if options.commit:
            done = consumer.commit(asynchronous=False)
            say("committed", [[place.topic, place.partition, place.offset] for place in done])
    consumer.close()


def kafka_python(options: argparse.Namespace) -> None:
    class Listener(kafka.ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked: Iterable[object]) -> None:
            say("revoked", places(revoked))

        def on_partitions_assigned(self, _: Iterable[object]) -> None:
            say("assigned", places(consumer.assignment()))

    strategies = {
        "range": RangePartitionAssignor,
        "roundrobin": RoundRobinPartitionAssignor,
        "cooperative-sticky": CooperativeStickyAssignor,
    }
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=options.brokers,
        group_id=options.group,
        group_instance_id=options.instance,
        partition_assignment_strategy=[strategies[options.strategy]],
        session_timeout_ms=options.session,
        heartbeat_interval_ms=500,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    consumer.subscribe(options.topics, listener=Listener())
    while not leaving:
        read = [message for batch in consumer.poll(100).values() for message in batch]
        if not read:
            continue
        say("records", [[m.topic, m.partition, m.offset, (m.value or b"").decode()] for m in read])
        if options.commit:
            consumer.commit()
            say("committed", [[m.topic, m.partition, m.offset + 1] for m in read])
    consumer.close()


def aio(options: argparse.Namespace) -> None:
    class Listener(aiokafka.ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked: Iterable[object]) -> None:
            say("revoked", places(revoked))

        def on_partitions_assigned(self, assigned: Iterable[object]) -> None:
            say("assigned", places(assigned))

    async def run() -> None:
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=options.brokers,
            group_id=options.group,
            group_instance_id=options.instance,
            partition_assignment_strategy=[{"range": AIORange, "roundrobin": AIORoundRobin}[options.strategy]],
            session_timeout_ms=options.session,
            heartbeat_interval_ms=500,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        consumer.subscribe(options.topics, listener=Listener())
        await consumer.start()
        while not leaving:
            batches = await consumer.getmany(timeout_ms=100)
            read = [message for batch in batches.values() for message in batch]
            if not read:
                continue
            say("records", [[m.topic, m.partition, m.offset, (m.value or b"").decode()] for m in read])
            if options.commit:
                await consumer.commit()
                say("committed", [[m.topic, m.partition, m.offset + 1] for m in read])
        await consumer.stop()

    asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=["confluent-kafka", "kafka-python", "aiokafka"])
    parser.add_argument("topics", nargs="+")
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--strategy", default="range")
    parser.add_argument("--session", type=int, default=6000, help="session timeout in milliseconds")
    parser.add_argument("--instance", help="makes the member static")
    parser.add_argument("--commit", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, leave)
    try:
        {"confluent-kafka": confluent, "kafka-python": kafka_python, "aiokafka": aio}[options.client](options)
    except Exception as error:  # the test reads the reason; a traceback would only reach the log
        say("error", f"{type(error).__name__}: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()

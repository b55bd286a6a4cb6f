"""Where reading begins: ends, times, and offsets that do not exist."""

from __future__ import annotations

import asyncio

import aiokafka
import aiokafka.errors
import confluent_kafka
import kafka
import kafka.errors
import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from support.clients import Confluent, Kcat, Record
from support.waiting import eventually

START = 1_700_000_000_000
COUNT = 20


@pytest.fixture
def filled(brokers: str, topic: str) -> str:
    """A topic with records 0 … 19, a second apart from `START` on."""
    for number in range(COUNT):
        Confluent().produce(brokers, topic, [Record(None, str(number).encode(), (), START + number * 1000)])
    return topic


def consumer(brokers: str, **settings: object) -> confluent_kafka.Consumer:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "unused", **named})


def first(brokers: str, topic: str, offset: int, **settings: object) -> confluent_kafka.Message:
    """The first message, or error, a consumer gets that begins at `offset`."""
    reader = consumer(brokers, **settings)
    reader.assign([TopicPartition(topic, 0, offset)])
    try:
        message = reader.poll(30)
        assert message is not None, "nothing came within 30 s"
        return message
    finally:
        reader.close()


def test_reading_begins_at_the_beginning_or_at_any_offset(brokers: str, filled: str) -> None:
    assert first(brokers, filled, OFFSET_BEGINNING).offset() == 0
    assert first(brokers, filled, 7).value() == b"7"


def test_reading_from_the_end_sees_only_what_comes_later(brokers: str, filled: str) -> None:
    reader = consumer(brokers, enable_partition_eof=True)
    reader.assign([TopicPartition(filled, 0, OFFSET_END)])
    assert reader.poll(30).error().code() == KafkaError._PARTITION_EOF
    Confluent().produce(brokers, filled, [Record(None, b"later")])
    message = reader.poll(30)
    assert (message.offset(), message.value()) == (COUNT, b"later")
    reader.close()


@pytest.mark.parametrize(("policy", "offset"), [("earliest", 0), ("latest", COUNT)])
def test_a_group_without_offsets_begins_where_its_policy_says(
    brokers: str, filled: str, group: str, policy: str, offset: int
) -> None:
    reader = consumer(brokers, group_id=group, auto_offset_reset=policy, enable_partition_eof=True)
    reader.subscribe([filled])
    message = reader.poll(30)
    if policy == "earliest":
        assert (message.error(), message.offset()) == (None, 0)
    else:
        assert message.error().code() == KafkaError._PARTITION_EOF and message.offset() == offset
    reader.close()


@pytest.mark.parametrize("beyond", [COUNT + 1, 1_000_000])
@pytest.mark.parametrize("policy", ["earliest", "latest"])
def test_an_offset_out_of_range_is_reset_by_policy(brokers: str, filled: str, policy: str, beyond: int) -> None:
    message = first(brokers, filled, beyond, auto_offset_reset=policy, enable_partition_eof=True)
    if policy == "earliest":
        assert message.value() == b"0"
    else:
        assert message.error().code() == KafkaError._PARTITION_EOF


def test_an_offset_out_of_range_is_an_error_where_loss_matters(brokers: str, filled: str) -> None:
    refusal = first(brokers, filled, 1000, auto_offset_reset="error").error()
    assert refusal is not None and refusal.code() == KafkaError._AUTO_OFFSET_RESET, refusal


def test_kafka_python_reports_an_offset_out_of_range(brokers: str, filled: str) -> None:
    reader = kafka.KafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="none")
    place = kafka.TopicPartition(filled, 0)
    reader.assign([place])
    reader.seek(place, 1000)
    with pytest.raises(kafka.errors.OffsetOutOfRangeError):
        eventually(lambda: reader.poll(500), "the error is raised")
    reader.close()


def test_aiokafka_reports_an_offset_out_of_range(brokers: str, filled: str) -> None:
    async def read() -> None:
        reader = aiokafka.AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="none")
        await reader.start()
        try:
            place = aiokafka.TopicPartition(filled, 0)
            reader.assign([place])
            reader.seek(place, 1000)
            await asyncio.wait_for(reader.getone(), 30)
        finally:
            await reader.stop()

    with pytest.raises(aiokafka.errors.OffsetOutOfRangeError):
        asyncio.run(read())


TIMES = pytest.mark.parametrize(
    ("time", "offset"),
    [(START, 0), (START - 1, 0), (START + 5000, 5), (START + 5001, 6), (START + 19_000, 19), (START + 19_001, None)],
    ids=["first", "before-all", "exact", "between", "last", "after-all"],
)


@TIMES
def test_librdkafka_finds_the_first_record_of_a_time(brokers: str, filled: str, time: int, offset: int | None) -> None:
    reader = consumer(brokers)
    [found] = reader.offsets_for_times([TopicPartition(filled, 0, time)], 30)
    reader.close()
    assert found.offset == (OFFSET_END if offset is None else offset)


@TIMES
def test_kafka_python_finds_the_first_record_of_a_time(
    brokers: str, filled: str, time: int, offset: int | None
) -> None:
    reader = kafka.KafkaConsumer(bootstrap_servers=brokers)
    place = kafka.TopicPartition(filled, 0)
    found = reader.offsets_for_times({place: time})[place]
    reader.close()
    assert (found and (found.offset, found.timestamp)) == (None if offset is None else (offset, START + offset * 1000))


@TIMES
def test_aiokafka_finds_the_first_record_of_a_time(brokers: str, filled: str, time: int, offset: int | None) -> None:
    async def find() -> object:
        reader = aiokafka.AIOKafkaConsumer(bootstrap_servers=brokers)
        await reader.start()
        try:
            place = aiokafka.TopicPartition(filled, 0)
            return (await reader.offsets_for_times({place: time}))[place]
        finally:
            await reader.stop()

    found = asyncio.run(find())
    assert (found and (found.offset, found.timestamp)) == (None if offset is None else (offset, START + offset * 1000))


def test_a_time_inside_a_compressed_batch_passes_over_no_record(brokers: str, topic: str) -> None:
    written = [Record(None, str(number).encode(), (), START + number * 1000) for number in range(10)]
    Confluent().produce(brokers, topic, written, "gzip")
    reader = consumer(brokers)
    [found] = reader.offsets_for_times([TopicPartition(topic, 0, START + 6500)], 30)
    reader.close()
    assert 0 <= found.offset <= 7, "records of the time asked for would be passed over"
    assert first(brokers, topic, found.offset).offset() == found.offset


def test_kcat_reads_from_a_time(brokers: str, filled: str) -> None:
    place = ["-t", filled, "-p", "0", "-o", f"s@{START + 17_000}", "-e"]
    assert Kcat.run(brokers, "-C", *place, "-f", "%s\n") == "17\n18\n19\n"


def test_every_client_sees_the_same_ends(brokers: str, filled: str) -> None:
    reader = consumer(brokers)
    assert reader.get_watermark_offsets(TopicPartition(filled, 0), 30) == (0, COUNT)
    reader.close()
    other = kafka.KafkaConsumer(bootstrap_servers=brokers)
    place = kafka.TopicPartition(filled, 0)
    assert (other.beginning_offsets([place])[place], other.end_offsets([place])[place]) == (0, COUNT)
    other.close()
    admin = AdminClient({"bootstrap.servers": brokers})
    asked = {TopicPartition(filled, 0): OffsetSpec.latest()}
    assert [result.result(30).offset for result in admin.list_offsets(asked).values()] == [COUNT]


def test_offsets_of_an_unknown_partition_are_an_error(brokers: str, filled: str) -> None:
    reader = consumer(brokers)
    with pytest.raises(KafkaException) as refusal:
        reader.get_watermark_offsets(TopicPartition(filled, 99), 30)
    assert refusal.value.args[0].name() in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_PARTITION")
    reader.close()

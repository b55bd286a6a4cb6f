"""Topics: created, described, widened, deleted, and asked for when they are not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import kafka
import kafka.errors
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from support import wire
from support.clients import Confluent, Kcat, Record
from support.topics import delete, unique
from support.waiting import eventually

# What librdkafka makes of a broker's "unknown topic", depending on when it hears it.
UNKNOWN = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}


@pytest.fixture
def admin(brokers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": brokers})


@pytest.fixture
def name(brokers: str) -> Iterator[str]:
    """A topic name for a test that creates the topic itself."""
    chosen = unique("topic")
    yield chosen
    delete(brokers, [chosen])


def refused(done: object) -> str:
    """The name of the error an admin request ended with."""
    failure = done.exception(30)
    assert isinstance(failure, KafkaException), f"no refusal but {failure}"
    return failure.args[0].name()


def partitions(admin: AdminClient, topic: str) -> int:
    return len(admin.list_topics(topic, timeout=30).topics[topic].partitions)


def configuration(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    described = admin.describe_configs([resource], request_timeout=30)[resource].result(30)
    return {key: entry.value for key, entry in described.items()}


def test_a_created_topic_has_its_partitions_and_configuration(admin: AdminClient, name: str) -> None:
    wanted = {"cleanup.policy": "compact", "retention.ms": "600000", "max.message.bytes": "2097152"}
    admin.create_topics([NewTopic(name, 7, 1, config=wanted)], request_timeout=30)[name].result(30)
    eventually(lambda: partitions(admin, name) == 7, "the topic has 7 partitions")
    described = configuration(admin, name)
    assert {key: described[key] for key in wanted} == wanted


def test_kafka_python_creates_describes_and_deletes(brokers: str, name: str) -> None:
    admin = kafka.KafkaAdminClient(bootstrap_servers=brokers)
    try:
        admin.create_topics({name: {"num_partitions": 3, "replication_factor": 1}})
        eventually(lambda: name in admin.list_topics(), "the topic is listed")
        [described] = admin.describe_topics([name])
        assert len(described["partitions"]) == 3
        admin.delete_topics([name])
        eventually(lambda: name not in admin.list_topics(), "the topic is gone")
    finally:
        admin.close()


def test_a_topic_is_created_once(admin: AdminClient, topic: str) -> None:
    assert refused(admin.create_topics([NewTopic(topic, 1, 1)])[topic]) == "TOPIC_ALREADY_EXISTS"
    assert partitions(admin, topic) == 1


@pytest.mark.parametrize("bad", ["with space", "sl/ash", ".", "..", "x" * 250, "ü"])
def test_a_bad_topic_name_is_refused(admin: AdminClient, bad: str) -> None:
    assert refused(admin.create_topics([NewTopic(bad, 1, 1)])[bad]) == "TOPIC_EXCEPTION"


def test_bad_counts_are_refused(admin: AdminClient, name: str) -> None:
    assert refused(admin.create_topics([NewTopic(name, 0, 1)])[name]) == "INVALID_PARTITIONS"
    assert refused(admin.create_topics([NewTopic(name, 1, 9)])[name]) == "INVALID_REPLICATION_FACTOR"
    assert name not in admin.list_topics(timeout=30).topics


def test_a_bad_configuration_is_refused(admin: AdminClient, name: str) -> None:
    for config in [{"cleanup.policy": "burn"}, {"retention.ms": "soon"}]:
        assert refused(admin.create_topics([NewTopic(name, 1, 1, config=config)])[name]) == "INVALID_CONFIG"
    assert name not in admin.list_topics(timeout=30).topics


def test_a_trial_creates_nothing(admin: AdminClient, name: str) -> None:
    admin.create_topics([NewTopic(name, 1, 1)], validate_only=True)[name].result(30)
    assert name not in admin.list_topics(timeout=30).topics


def test_partitions_can_be_added_but_not_taken(brokers: str, admin: AdminClient, new_topic: Callable[..., str]) -> None:
    topic = new_topic(2)
    Confluent().produce(brokers, topic, [Record(None, b"before")])
    admin.create_partitions([NewPartitions(topic, 5)], request_timeout=30)[topic].result(30)
    eventually(lambda: partitions(admin, topic) == 5, "the topic has 5 partitions")
    assert [record.value for record in Confluent().consume(brokers, topic, 1)] == [b"before"]

    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(topic, b"into the new one", partition=4)
    assert producer.flush(30) == 0
    assert [record.value for record in Confluent().consume(brokers, topic, 1, 4)] == [b"into the new one"]

    for count in (5, 1):
        assert refused(admin.create_partitions([NewPartitions(topic, count)])[topic]) == "INVALID_PARTITIONS"
    unknown = unique("topic")
    refusal = refused(admin.create_partitions([NewPartitions(unknown, 5)])[unknown])
    assert refusal == "UNKNOWN_TOPIC_OR_PART"


def test_deleting_an_unknown_topic_is_refused(admin: AdminClient) -> None:
    unknown = unique("topic")
    assert refused(admin.delete_topics([unknown])[unknown]) == "UNKNOWN_TOPIC_OR_PART"


def test_describing_an_unknown_topic_is_refused(admin: AdminClient) -> None:
    resource = ConfigResource(ConfigResource.Type.TOPIC, unique("topic"))
    assert refused(admin.describe_configs([resource])[resource]) == "UNKNOWN_TOPIC_OR_PART"


def test_a_deleted_topic_is_gone_and_its_name_free(brokers: str, admin: AdminClient, name: str) -> None:
    for round_number in range(3):
        admin.create_topics([NewTopic(name, 2, 1)], request_timeout=30)[name].result(30)
        eventually(lambda: name in admin.list_topics(timeout=30).topics, "the topic is there")
        Confluent().produce(brokers, name, [Record(None, str(round_number).encode())])
        read = Confluent().consume(brokers, name, 1)
        assert [record.value for record in read] == [str(round_number).encode()], "an earlier topic shines through"
        assert Confluent().end(brokers, name) == 1
        admin.delete_topics([name], request_timeout=30)[name].result(30)
        eventually(lambda: name not in admin.list_topics(timeout=30).topics, "the topic is gone")


def test_a_reader_of_a_deleted_topic_is_told(brokers: str, admin: AdminClient, topic: str, group: str) -> None:
    Confluent().produce(brokers, topic, [Record(None, b"last")])
    refresh = {"topic.metadata.refresh.interval.ms": 500, "fetch.wait.max.ms": 500}
    settings = {"group.id": group, "auto.offset.reset": "earliest", **refresh}
    reader = Consumer({"bootstrap.servers": brokers, **settings})
    reader.subscribe([topic])
    assert reader.poll(30).value() == b"last"
    admin.delete_topics([topic], request_timeout=30)[topic].result(30)

    def told() -> bool:
        message = reader.poll(1)
        return message is not None and message.error() is not None and message.error().code() in UNKNOWN

    eventually(told, "the reader is told that the topic is unknown")
    reader.close()


def test_a_fetch_that_waits_on_a_topic_when_it_is_deleted_ends(brokers: str, admin: AdminClient, topic: str) -> None:
    """Rather than sleep its full time on what will never come."""
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(wire.fetch(brokers, topic, 0, wait=20, at_least=1).error))
    began = time.monotonic()
    waiting.start()
    time.sleep(0.3)  # so that it most likely waits already; if not, it must be refused just the same
    admin.delete_topics([topic], request_timeout=30)[topic].result(30)
    waiting.join()
    assert time.monotonic() - began < 10
    assert answers == [KafkaError.UNKNOWN_TOPIC_OR_PART]


class TestWithoutAutomaticCreation:
    """Development creates topics on first use; elsewhere a mistyped name must be an error. Needs it to be off."""

    def test_metadata_of_an_unknown_topic_says_so(self, admin: AdminClient) -> None:
        unknown = unique("topic")
        described = admin.list_topics(unknown, timeout=30).topics[unknown]
        assert described.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        assert unknown not in admin.list_topics(timeout=30).topics

    def test_producing_to_an_unknown_topic_fails(self, brokers: str, admin: AdminClient) -> None:
        unknown, answers = unique("topic"), []
        settings = {"message.timeout.ms": 20_000, "topic.metadata.propagation.max.ms": 500}
        producer = Producer({"bootstrap.servers": brokers, **settings})
        producer.produce(unknown, b"lost", on_delivery=lambda error, _: answers.append(error.code()))
        assert producer.flush(30) == 0
        assert len(answers) == 1 and answers[0] in UNKNOWN
        assert unknown not in admin.list_topics(timeout=30).topics

    def test_subscribing_to_an_unknown_topic_reports_it(self, brokers: str, group: str) -> None:
        settings = {"group.id": group, "allow.auto.create.topics": True}
        reader = Consumer({"bootstrap.servers": brokers, **settings})
        reader.subscribe([unique("topic")])
        message = eventually(lambda: reader.poll(1), "the reader is told")
        assert message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        reader.close()

    def test_kcat_says_so(self, brokers: str) -> None:
        printed = Kcat.run(brokers, "-C", "-t", unique("topic"), "-p", "0", "-e", status=1)
        assert "Unknown topic" in printed


def test_a_topic_created_later_is_found_by_those_who_wait(brokers: str, admin: AdminClient, name: str) -> None:
    """A service may start before its topics exist."""
    settings = {"topic.metadata.refresh.interval.ms": 200, "topic.metadata.propagation.max.ms": 30_000}
    producer, answers = Producer({"bootstrap.servers": brokers, **settings}), []
    producer.produce(name, b"early", on_delivery=lambda error, _: answers.append(error))
    assert producer.flush(0.5) == 1
    admin.create_topics([NewTopic(name, 1, 1)], request_timeout=30)[name].result(30)
    assert producer.flush(30) == 0
    assert answers == [None]


def test_every_broker_has_a_reachable_address_and_the_cluster_an_id(admin: AdminClient) -> None:
    cluster = admin.list_topics(timeout=30)
    assert cluster.cluster_id
    assert cluster.controller_id in cluster.brokers
    for broker in cluster.brokers.values():
        wire.connect(f"{broker.host}:{broker.port}").close()

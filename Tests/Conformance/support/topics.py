"""Topics of unique names, so that tests never meet and may run against a broker that others use."""

from __future__ import annotations

import uuid

from confluent_kafka.admin import AdminClient, NewTopic

from support.waiting import eventually


def unique(what: str) -> str:
    """A name nobody has used."""
    return f"conformance-{what}-{uuid.uuid4().hex[:12]}"


def create(brokers: str, topic: str, partitions: int = 1, config: dict[str, str] | None = None) -> None:
    """Creates `topic` and waits until every partition has a leader."""
    admin = AdminClient({"bootstrap.servers": brokers})
    new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config or {})
    admin.create_topics([new], request_timeout=30)[topic].result(30)

    def led() -> bool:
        found = admin.list_topics(topic, timeout=10).topics[topic].partitions
        return len(found) == partitions and all(partition.leader >= 0 for partition in found.values())

    eventually(led, f"every partition of {topic} has a leader")


def delete(brokers: str, topics: list[str]) -> None:
    """Deletes what a test created; a topic the test itself deleted is no error."""
    if topics:
        admin = AdminClient({"bootstrap.servers": brokers})
        for done in admin.delete_topics(topics, request_timeout=30).values():
            done.exception(30)

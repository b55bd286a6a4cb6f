"""Consumer groups: members that join, leave and die, and how the partitions follow them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, TopicPartition
from confluent_kafka.admin import AdminClient

from support.clients import Confluent, Kcat, Record
from support.members import Member, Members, Place, share, values_read
from support.waiting import eventually

CLIENTS = ("confluent-kafka", "kafka-python", "aiokafka")
each_client = pytest.mark.parametrize("client", CLIENTS)

# Longer than any test waits: what happens before it passes happened because a member left, not because it expired.
NEVER = 120_000


def places(topic: str, partitions: int) -> set[Place]:
    return {(topic, partition) for partition in range(partitions)}


def fill(brokers: str, topic: str, count: int) -> None:
    """Records 0 … count - 1 in partition 0."""
    Confluent().produce(brokers, topic, [Record(None, str(number).encode()) for number in range(count)])


def committed(brokers: str, group: str, topic: str, partition: int = 0) -> int:
    """The offset the group would begin at; -1001 when there is none."""
    reader = Consumer({"bootstrap.servers": brokers, "group.id": group})
    try:
        [place] = reader.committed([TopicPartition(topic, partition)], 30)
        assert place.error is None, place.error
        return place.offset
    finally:
        reader.close()


@each_client
def test_members_share_the_partitions_as_they_join_and_leave(
    new_topic: Callable[..., str], members: Members, client: str
) -> None:
    topic = new_topic(6)
    one = members.join(client, topic, session=NEVER)
    share([one], places(topic, 6))
    two = members.join(client, topic, session=NEVER)
    share([one, two], places(topic, 6))
    three = members.join(client, topic, session=NEVER)
    share([one, two, three], places(topic, 6))
    one.leave()
    share([two, three], places(topic, 6))
    three.leave()
    share([two], places(topic, 6))


@each_client
def test_a_killed_member_is_replaced_after_its_session(
    new_topic: Callable[..., str], members: Members, client: str
) -> None:
    topic = new_topic(4)
    survivor = members.join(client, topic, session=6000)
    victim = members.join(client, topic, session=6000)
    share([survivor, victim], places(topic, 4))
    victim.kill()
    share([survivor], places(topic, 4))


def test_members_of_different_clients_share_one_group(new_topic: Callable[..., str], members: Members) -> None:
    """They agree on a strategy and read one another's subscriptions, which the broker passes on untouched."""
    topic = new_topic(6)
    joined = [members.join(client, topic, strategy="roundrobin", session=NEVER) for client in CLIENTS]
    share(joined, places(topic, 6))


def test_members_without_a_strategy_in_common_are_refused(new_topic: Callable[..., str], members: Members) -> None:
    topic = new_topic(2)
    first = members.join("confluent-kafka", topic, strategy="range", session=NEVER)
    share([first], places(topic, 2))
    other = members.join("confluent-kafka", topic, strategy="roundrobin", session=NEVER)
    eventually(lambda: "INCONSISTENT_GROUP_PROTOCOL" in other.errors, "the second member is refused")
    assert first.assignment == places(topic, 2)


def test_range_gives_each_member_neighbouring_partitions(new_topic: Callable[..., str], members: Members) -> None:
    one_topic, other_topic = new_topic(4), new_topic(4)
    joined = [members.join("confluent-kafka", one_topic, other_topic, session=NEVER) for _ in range(2)]
    everything = places(one_topic, 4) | places(other_topic, 4)
    share(joined, everything)
    held = sorted(sorted(partition for topic, partition in m.assignment if topic == one_topic) for m in joined)
    assert held == [[0, 1], [2, 3]]


def test_roundrobin_deals_partitions_out_in_turn(new_topic: Callable[..., str], members: Members) -> None:
    topic = new_topic(5)
    joined = [members.join("confluent-kafka", topic, strategy="roundrobin", session=NEVER) for _ in range(2)]
    share(joined, places(topic, 5))
    assert sorted(sorted(p for _, p in member.assignment) for member in joined) == [[0, 2, 4], [1, 3]]


@pytest.mark.parametrize("client", ["confluent-kafka", "kafka-python"])
def test_a_cooperative_rebalance_takes_only_what_moves(
    new_topic: Callable[..., str], members: Members, client: str
) -> None:
    topic = new_topic(6)
    options = {"strategy": "cooperative-sticky", "session": NEVER}
    stays = members.join(client, topic, **options)
    share([stays], places(topic, 6))
    comes = members.join(client, topic, **options)
    share([stays, comes], places(topic, 6))
    taken = [tuple(place) for kind, value in stays.events("revoked", "lost") for place in value]
    assert set(taken) == comes.assignment and len(taken) == 3, "more was taken from the member than moved"
    comes.leave()
    share([stays], places(topic, 6))


@pytest.mark.parametrize(
    ("client", "end"),
    [
        ("confluent-kafka", Member.kill),
        ("confluent-kafka", Member.leave),  # librdkafka sends no LeaveGroup for a static member
        ("kafka-python", Member.kill),
        ("aiokafka", Member.kill),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_static_member_that_returns_in_time_moves_nothing(
    new_topic: Callable[..., str], members: Members, client: str, end: Callable[[Member], None]
) -> None:
    """A restart within the session is no business of the others (KIP-345)."""
    topic = new_topic(4)
    other = members.join(client, topic, instance="replica-0", session=60_000)
    share([other], places(topic, 4))
    restarts = members.join(client, topic, instance="replica-1", session=60_000)
    share([other, restarts], places(topic, 4))
    held, told = restarts.assignment, other.events("assigned", "revoked", "lost")
    end(restarts)
    again = members.join(client, topic, instance="replica-1", session=60_000)
    eventually(lambda: again.assignment == held, "the returned member holds what it held")
    assert other.events("assigned", "revoked", "lost") == told, "the other member was disturbed"


def test_a_second_member_of_one_static_id_fences_the_first(new_topic: Callable[..., str], members: Members) -> None:
    topic = new_topic(2)
    first = members.join("confluent-kafka", topic, instance="replica-0", session=60_000)
    share([first], places(topic, 2))
    second = members.join("confluent-kafka", topic, instance="replica-0", session=60_000)
    share([second], places(topic, 2))
    eventually(lambda: {"_FENCED", "_FATAL", "FENCED_INSTANCE_ID"} & set(first.errors), "the first is fenced")


def test_a_member_that_changes_its_topics_gets_them(new_topic: Callable[..., str], members: Members) -> None:
    one_topic, other_topic = new_topic(2), new_topic(2)
    first = members.join("confluent-kafka", one_topic, session=NEVER)
    share([first], places(one_topic, 2))
    second = members.join("confluent-kafka", other_topic, session=NEVER)
    eventually(lambda: second.assignment == places(other_topic, 2), "each member has its own topic")
    eventually(lambda: first.assignment == places(one_topic, 2), "each member has its own topic")


@each_client
def test_a_group_goes_on_where_it_committed(
    brokers: str, topic: str, group: str, members: Members, client: str
) -> None:
    fill(brokers, topic, 50)
    first = members.join(client, topic, commit=True, session=NEVER)
    eventually(lambda: first.committed.get((topic, 0)) == 50, "everything is read and committed")
    first.leave()
    assert committed(brokers, group, topic) == 50

    Confluent().produce(brokers, topic, [Record(None, b"fresh")])
    second = members.join(client, topic, commit=True, session=NEVER)
    eventually(lambda: second.records, "the group goes on")
    assert second.records == [(topic, 0, 50, "fresh")]


def test_what_was_read_but_not_committed_comes_again(brokers: str, topic: str, members: Members) -> None:
    fill(brokers, topic, 10)
    for _ in range(2):
        member = members.join("confluent-kafka", topic, session=NEVER)
        eventually(lambda member=member: len(member.records) == 10, "all records are read")
        assert [value for *_, value in member.records] == [str(number) for number in range(10)]
        member.leave()


def test_every_record_is_read_while_members_come_and_go(
    brokers: str, new_topic: Callable[..., str], members: Members
) -> None:
    """At least once, whoever holds the partition: commits of a former generation must not pass."""
    topic = new_topic(3)
    joined = [members.join("confluent-kafka", topic, commit=True)]
    for round_number in range(4):
        for partition in range(3):
            values = [f"{round_number} {partition} {number}" for number in range(50)]
            Kcat.run(brokers, "-P", "-t", topic, "-p", str(partition), feed="\n".join(values).encode())
        if round_number == 1:
            joined.append(members.join("confluent-kafka", topic, commit=True))
        elif round_number == 2:
            joined[0].kill()
    written = {f"{r} {p} {n}" for r in range(4) for p in range(3) for n in range(50)}
    eventually(lambda: values_read(joined) == written, "every record is read")


def test_offsets_can_be_committed_without_members(brokers: str, topic: str, group: str) -> None:
    """As tools do that move a group; -1 generation, no member id."""
    fill(brokers, topic, 10)
    keeper = Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False})
    metadata = "read by hand"
    [done] = keeper.commit(offsets=[TopicPartition(topic, 0, 7, metadata)], asynchronous=False)
    assert (done.offset, done.error) == (7, None)
    [found] = keeper.committed([TopicPartition(topic, 0)], 30)
    assert (found.offset, found.metadata) == (7, metadata)
    keeper.close()


def test_a_group_that_never_committed_has_no_offset(brokers: str, topic: str, group: str) -> None:
    assert committed(brokers, group, topic) == -1001


def test_kcat_reads_as_a_group_member(brokers: str, topic: str, group: str) -> None:
    fill(brokers, topic, 5)
    settings = ["-X", "auto.offset.reset=earliest", "-X", "enable.auto.commit=true"]
    printed = Kcat.run(brokers, *settings, "-f", "%s\n", "-c", "5", "-G", group, topic)
    assert printed.split() == ["0", "1", "2", "3", "4"]
    assert committed(brokers, group, topic) == 5


class TestAnOperator:
    """Sees groups, and deletes those that are empty."""

    def test_describes_a_stable_group(
        self, brokers: str, new_topic: Callable[..., str], group: str, members: Members
    ) -> None:
        topic = new_topic(4)
        joined = [members.join("confluent-kafka", topic, session=NEVER) for _ in range(2)]
        share(joined, places(topic, 4))
        admin = AdminClient({"bootstrap.servers": brokers})
        described = admin.describe_consumer_groups([group], request_timeout=30)[group].result(30)
        assert described.state == ConsumerGroupState.STABLE
        assert described.partition_assignor == "range"
        held = [{(p.topic, p.partition) for p in one.assignment.topic_partitions} for one in described.members]
        assert sorted(map(sorted, held)) == sorted(sorted(one.assignment) for one in joined)
        assert all(one.client_id and one.host for one in described.members)

    def test_lists_groups_with_their_states(self, brokers: str, topic: str, group: str, members: Members) -> None:
        member = members.join("confluent-kafka", topic, session=NEVER)
        share([member], places(topic, 1))
        admin = AdminClient({"bootstrap.servers": brokers})

        def state() -> ConsumerGroupState | None:
            listed = admin.list_consumer_groups(request_timeout=30).result(30)
            assert not listed.errors, listed.errors
            return {one.group_id: one.state for one in listed.valid}.get(group)

        assert state() == ConsumerGroupState.STABLE
        member.leave()
        eventually(lambda: state() in (None, ConsumerGroupState.EMPTY), "the group is empty")

    def test_lists_groups_of_one_state_only(self, brokers: str, topic: str, group: str, members: Members) -> None:
        share([members.join("confluent-kafka", topic, session=NEVER)], places(topic, 1))
        admin = AdminClient({"bootstrap.servers": brokers})
        for state, listed in [(ConsumerGroupState.STABLE, True), (ConsumerGroupState.EMPTY, False)]:
            found = admin.list_consumer_groups(states={state}, request_timeout=30).result(30)
            assert (group in {one.group_id for one in found.valid}) is listed

    def test_sees_a_group_nobody_knows_as_dead(self, brokers: str, group: str) -> None:
        admin = AdminClient({"bootstrap.servers": brokers})
        described = admin.describe_consumer_groups([group], request_timeout=30)[group].result(30)
        assert described.state == ConsumerGroupState.DEAD and described.members == []

    def test_deletes_an_empty_group_with_its_offsets(
        self, brokers: str, topic: str, group: str, members: Members
    ) -> None:
        fill(brokers, topic, 5)
        member = members.join("confluent-kafka", topic, commit=True, session=NEVER)
        eventually(lambda: member.committed.get((topic, 0)) == 5, "the offsets are committed")
        admin = AdminClient({"bootstrap.servers": brokers})
        refusal = admin.delete_consumer_groups([group], request_timeout=30)[group].exception(30)
        assert refusal is not None and refusal.args[0].name() == "NON_EMPTY_GROUP"
        member.leave()
        assert admin.delete_consumer_groups([group], request_timeout=30)[group].exception(30) is None
        assert committed(brokers, group, topic) == -1001
        refusal = admin.delete_consumer_groups([group], request_timeout=30)[group].exception(30)
        assert refusal is not None and refusal.args[0].name() == "GROUP_ID_NOT_FOUND"

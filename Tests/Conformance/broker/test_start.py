"""What our broker says of itself: versions, refusals, command line, operations page."""

from __future__ import annotations

import asyncio
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import aiokafka
import aiokafka.errors
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from support import wire
from support.broker import Broker, binary, free_port
from support.clients import CLIENTS, Confluent, Record
from support.topics import create, unique
from support.waiting import eventually
from support.wire import I16, I32, I64

# Each bound is one that a real client needs; DESIGN tells which.
ADVERTISED = {
    0: (0, 7),  # Produce
    1: (4, 11),  # Fetch
    2: (1, 2),  # ListOffsets
    3: (0, 8),  # Metadata
    8: (2, 7),  # OffsetCommit
    9: (1, 5),  # OffsetFetch
    10: (0, 2),  # FindCoordinator
    11: (0, 5),  # JoinGroup
    12: (0, 3),  # Heartbeat
    13: (0, 1),  # LeaveGroup
    14: (0, 3),  # SyncGroup
    15: (0, 4),  # DescribeGroups
    16: (0, 4),  # ListGroups
    18: (0, 4),  # ApiVersions
    19: (2, 4),  # CreateTopics
    20: (1, 3),  # DeleteTopics
    22: (0, 4),  # InitProducerId
    32: (1, 1),  # DescribeConfigs
    37: (0, 0),  # CreatePartitions
    42: (0, 1),  # DeleteGroups
}


def get(broker: Broker, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{broker.ops}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refused_start(*flags: str, because_of: str) -> None:
    """Starts a broker that must end with status 2 and one line that names the culprit."""
    done = subprocess.run([binary(), *flags], capture_output=True, text=True, timeout=30)
    printed = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 2, (done.returncode, printed)
    assert len([line for line in printed if because_of in line and '"level":"info"' not in line]) == 1, printed


def test_it_advertises_exactly_what_it_speaks(own_broker: Broker) -> None:
    assert wire.api_versions(own_broker.address) == ADVERTISED


def test_a_version_question_too_new_is_answered_in_the_oldest_form(own_broker: Broker) -> None:
    """So that the client can read the answer and ask again (KIP-35)."""
    answer = wire.ask(own_broker.address, wire.API_VERSIONS, 99, b"\0")
    assert answer.take(I16) == 35
    count = answer.take(I32)
    listed = {answer.take(I16): (answer.take(I16), answer.take(I16)) for _ in range(count)}
    assert listed[wire.API_VERSIONS] == ADVERTISED[wire.API_VERSIONS]
    assert answer.rest() == b""


class TestATransactionalId:
    """Transactions are left out, and whoever asks for them learns so at once instead of waiting."""

    def test_is_refused_to_librdkafka(self, own_broker: Broker) -> None:
        producer = Producer({"bootstrap.servers": own_broker.address, "transactional.id": "tx", "log_level": 2})
        with pytest.raises(KafkaException) as refusal:
            producer.init_transactions(30)
        error = refusal.value.args[0]
        assert error.code() != KafkaError._TIMED_OUT and not error.retriable(), error

    def test_is_refused_to_aiokafka(self, own_broker: Broker) -> None:
        async def run() -> None:
            producer = aiokafka.AIOKafkaProducer(bootstrap_servers=own_broker.address, transactional_id="tx")
            try:
                await asyncio.wait_for(producer.start(), 30)
            finally:
                await producer.stop()

        with pytest.raises(aiokafka.errors.KafkaError):
            asyncio.run(run())

    def test_gets_no_producer_id(self, own_broker: Broker) -> None:
        answer = wire.ask(own_broker.address, wire.INIT_PRODUCER_ID, 1, wire.string("tx") + I32.pack(60_000))
        assert answer.take(I32) == 0
        assert answer.take(I16) != 0
        assert answer.take(I64) == -1


def test_topics_are_made_on_first_use_where_that_is_on(tmp_path: Path) -> None:
    with Broker(tmp_path / "data", "--auto-create") as broker:
        for client in CLIENTS:
            topic = unique("first-use")
            client.produce(broker.address, topic, [Record(b"k", b"v")])
            assert [record.value for record in Confluent().consume(broker.address, topic, 1)] == [b"v"]


def spare_ports() -> list[str]:
    return ["--listen", f"127.0.0.1:{free_port()}", "--ops", f"127.0.0.1:{free_port()}"]


def test_a_wrong_flag_is_refused_and_nothing_touched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    refused_start("--data", str(data), "--bogus", because_of="--bogus")
    refused_start("--data", str(data), "--flush", "sometimes", because_of="sometimes")
    refused_start("--data", str(data), "--listen", "nowhere", because_of="nowhere")
    assert not data.exists()


def test_a_folder_in_use_is_refused_and_left_alone(own_broker: Broker) -> None:
    before = sorted(path.name for path in own_broker.data.rglob("*"))
    refused_start("--data", str(own_broker.data), *spare_ports(), because_of=str(own_broker.data))
    assert sorted(path.name for path in own_broker.data.rglob("*")) == before
    assert wire.api_versions(own_broker.address)


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "letter.txt").write_text("dear")
    refused_start("--data", str(letters), *spare_ports(), because_of=str(letters))
    assert [path.name for path in letters.iterdir()] == ["letter.txt"]


def test_an_unreadable_segment_is_refused_and_left_alone(own_broker: Broker) -> None:
    topic = unique("topic")
    create(own_broker.address, topic)
    Confluent().produce(own_broker.address, topic, [Record(None, b"v")])
    assert own_broker.stop() == 0
    [segment] = [path for path in own_broker.segments() if topic in str(path)]
    kept = segment.rename(segment.with_suffix(".kept"))
    segment.mkdir()  # cannot be read as a file, not even by root
    refused_start("--data", str(own_broker.data), *spare_ports(), because_of=str(segment))
    segment.rmdir()
    kept.rename(segment)
    own_broker.start()
    assert [record.value for record in Confluent().consume(own_broker.address, topic, 1)] == [b"v"]


def test_a_port_in_use_is_refused(own_broker: Broker, tmp_path: Path) -> None:
    ports = ["--listen", own_broker.address, "--ops", f"127.0.0.1:{free_port()}"]
    refused_start("--data", str(tmp_path / "other"), *ports, because_of=own_broker.address)


def test_operations_say_how_it_does(own_broker: Broker) -> None:
    topic = unique("topic")
    create(own_broker.address, topic)
    Confluent().produce(own_broker.address, topic, [Record(None, b"v")] * 5)
    assert get(own_broker, "/healthz")[0] == 200
    eventually(lambda: get(own_broker, "/readyz")[0] == 200, "it says it is ready")
    status, metrics = get(own_broker, "/metrics")
    assert status == 200
    named = [line.split()[2] for line in metrics.splitlines() if line.startswith("# TYPE ")]
    assert named and len(named) == len(set(named)), "a metric is described twice"
    assert get(own_broker, "/nothing")[0] == 404


def test_ten_waiting_readers_cost_no_processor_time(own_broker: Broker) -> None:
    """They wait in the kernel, not in a loop; the bound is far from both."""
    topic = unique("quiet")
    create(own_broker.address, topic)
    readers = [wire.connect(own_broker.address) for _ in range(10)]
    for reader in readers:
        reader.sendall(wire.frame(wire.FETCH, 10, wire.fetch_body(topic, 0, wait=30)))

    def spent() -> float:
        fields = Path(f"/proc/{own_broker.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    before = spent()
    time.sleep(2)
    assert spent() - before < 0.5, "the broker is busy with nothing to do"
    Confluent().produce(own_broker.address, topic, [Record(None, b"wake")])
    for reader in readers:
        assert wire.receive(reader, 4), "it did not wait"
        reader.close()

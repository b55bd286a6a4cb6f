"""What every test may ask for.

`protocol/` holds what any Kafka broker must do and runs against `KAFKA_BROKERS` when that is set. `broker/` holds what
only our own broker promises; its tests start, kill and damage brokers of their own.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.broker import Broker
from support.members import Members
from support.topics import create, delete, unique


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests that take minutes or need root as well")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("SEED", str(random.SystemRandom().randrange(1 << 32)))


def pytest_report_header() -> str:
    return f"SEED={os.environ['SEED']} KAFKA_BROKERS={os.environ.get('KAFKA_BROKERS', '(our own)')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what was not asked for: long tests, and our broker's own tests when another broker is judged."""

    def asked_for(item: pytest.Item) -> bool:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            return False
        return not (os.environ.get("KAFKA_BROKERS") and item.path.parent.name == "broker")

    left_out = [item for item in items if not asked_for(item)]
    items[:] = [item for item in items if asked_for(item)]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Randomness that SEED and the test's name repeat exactly."""
    return random.Random(f"{os.environ['SEED']} {request.node.name}")


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of the broker that is judged."""
    if given := os.environ.get("KAFKA_BROKERS"):
        yield given
        return
    with Broker(tmp_path_factory.mktemp("broker") / "data") as broker:
        yield broker.address
        assert broker.running, f"the broker died under the tests:\n{broker.log()}"


@pytest.fixture
def new_topic(brokers: str) -> Iterator[Callable[..., str]]:
    """Creates topics of unique names, `new_topic(partitions, config…)`, and deletes them after the test."""
    created: list[str] = []

    def new(partitions: int = 1, **config: str) -> str:
        name = unique("topic")
        create(brokers, name, partitions, {key.replace("_", "."): value for key, value in config.items()})
        created.append(name)
        return name

    yield new
    delete(brokers, created)


@pytest.fixture
def topic(new_topic: Callable[..., str]) -> str:
    """A fresh topic of one partition."""
    return new_topic()


@pytest.fixture
def group() -> str:
    """The name of a group nobody else uses."""
    return unique("group")


@pytest.fixture
def members(brokers: str, group: str, tmp_path: Path) -> Iterator[Members]:
    """Starts members of `group`, each a process of its own, and ends those that are left."""
    with Members(brokers, group, tmp_path) as started:
        yield started


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker this test alone may kill, started on an empty folder."""
    with Broker(tmp_path / "data") as broker:
        yield broker

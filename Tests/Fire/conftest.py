"""What every test may ask for: one mesh for all of them, randomness, and a report of what clients saw."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.load import Load
from harness.network import open_loopback
from harness.report import REPORT
from harness.world import World

def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run more rounds, and what takes minutes or needs root")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("SEED", str(random.SystemRandom().randrange(1 << 32)))
    if config.getoption("--long"):
        open_loopback()


def pytest_report_header() -> str:
    return f"SEED={os.environ['SEED']}"


def replicas_of(item: pytest.Item) -> dict[str, int]:
    """How many replicas of the example's services a test begins with."""
    marker = item.get_closest_marker("replicas")
    return {"notes": 1, "tally": 1, **(marker.kwargs if marker else {})}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts tests with few replicas first, since a replica that leaves is missed for a while; leaves out long tests that
    were not asked for."""
    items.sort(key=lambda item: sum(replicas_of(item).values()))
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What clients saw of each fault: the source of the table in docs/RELIABILITY.md."""
    if REPORT:
        terminalreporter.section("what clients saw")
        for line in REPORT:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def is_long(pytestconfig: pytest.Config) -> bool:
    """Whether there is time for many rounds."""
    return pytestconfig.getoption("--long")


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Randomness that SEED and the test's name repeat."""
    return random.Random(f"{os.environ['SEED']} {request.node.name}")


@pytest.fixture(scope="session")
def running() -> Iterator[World]:
    """The mesh that all tests share."""
    with World() as world:
        yield world


@pytest.fixture
def world(running: World, request: pytest.FixtureRequest) -> World:
    """The mesh, whole and ready, with so many replicas of each of the example's services as `replicas` says."""
    for service, count in replicas_of(request.node).items():
        running.set_replicas(service, count)
    running.wait_until_ready()
    return running


@pytest.fixture
def start_load(world: World, dice: random.Random, tmp_path: Path) -> Callable[..., Load]:
    """Makes a load on the mesh; the arguments are those of `Load`."""
    return lambda **arguments: Load(world.url, tmp_path, dice, **arguments)

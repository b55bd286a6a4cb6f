"""What every test may ask for: one mesh for all of them, a client, and members."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from support.client import Member, connect
from support.mesh import Mesh


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """The running mesh."""
    with Mesh() as mesh:
        yield mesh


@pytest.fixture
def http(mesh: Mesh) -> Iterator[httpx.Client]:
    """A client of the mesh."""
    with connect(mesh.url) as client:
        yield client


@pytest.fixture
def member(http: httpx.Client) -> Member:
    """Somebody new."""
    return Member(http).register()

"""One deployment for all tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.deployment import Deployment


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """The mesh, started as the compose file says."""
    with Deployment() as deployment:
        yield deployment

"""Waiting for what another process will do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def eventually(look: Callable[[], Value], what: str, within: float = 30.0) -> Value:
    """Looks again and again until `look` returns something true, and returns it; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        if value := look():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s in vain: {what}")
        time.sleep(0.02)

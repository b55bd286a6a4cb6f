"""Cuts in the network, made with nftables in a network of the tests' own (see `run`): packets vanish, as behind a broken
switch; nobody is told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cut(port: int) -> Iterator[None]:
    """Drops whatever goes to or comes from a port of this machine."""
    rules = f"""
        table inet fire {{
            chain input {{
                type filter hook input priority 0;
                tcp dport {port} drop
                tcp sport {port} drop
            }}
        }}
    """
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "fire"], check=True)

"""Cuts in the network, made with nftables in a network of the tests' own (see `run`): packets vanish, as behind a broken
switch; nobody is told."""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager


def open_loopback() -> None:
    """A new network has a loopback that is down (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))  # SIOCSIFFLAGS, IFF_UP


def cut(port: int) -> AbstractContextManager[None]:
    """Drops whatever goes to or comes from a port of this machine."""
    return _dropping([f"tcp dport {port}", f"tcp sport {port}"])


def cut_connections(ends: Iterable[tuple[int, int]]) -> AbstractContextManager[None]:
    """Drops whatever belongs to connections within this machine, each named by the ports of its ends. New ones get
    through, as behind a switch that has forgotten those it knew."""
    pairs = sorted({pair for one, other in ends for pair in ((one, other), (other, one))})
    listed = ", ".join(f"{source} . {target}" for source, target in pairs)
    return _dropping([f"tcp sport . tcp dport {{ {listed} }}"] if pairs else [])


@contextmanager
def _dropping(packets: list[str]) -> Iterator[None]:
    # Several cuts may be made at once.
    table = f"fire_{uuid.uuid4().hex[:8]}"
    drops = "".join(f"{packet} drop\n" for packet in packets)
    rules = f"table inet {table} {{\nchain input {{\ntype filter hook input priority 0;\n{drops}}}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", table], check=True)

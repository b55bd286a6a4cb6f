"""Cuts in the network, made with nftables in a network of the tests' own (see `run`): packets vanish, as behind a broken
switch; nobody is told."""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


def open_loopback() -> None:
    """A new network has a loopback that is down (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, 0x8913, request))[1]  # SIOCGIFFLAGS
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))  # SIOCSIFFLAGS, IFF_UP


@contextmanager
def cut(*ports: int) -> Iterator[None]:
    """Drops whatever goes to or comes from ports of this machine. Several cuts may be made at once."""
    table = f"fire_{ports[0]}"
    numbers = ", ".join(str(port) for port in sorted(set(ports)))
    rules = f"""
        table inet {table} {{
            chain input {{
                type filter hook input priority 0;
                tcp dport {{ {numbers} }} drop
                tcp sport {{ {numbers} }} drop
            }}
        }}
    """
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", table], check=True)

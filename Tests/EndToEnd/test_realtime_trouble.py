"""Clients that break rules, in both dialects: each is told so in its protocol's own words, and nobody else notices."""

from __future__ import annotations

import socket as sockets
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from support.client import Member
from support.keys import Key
from support.mesh import Mesh
from support.pusher import PATH as PUSHER
from support.pusher import Socket
from support.socketio_socket import PATH as SOCKET_IO
from support.socketio_socket import SocketIOSocket
from support.waiting import eventually

# What breaks RFC 6455, and the code that it is refused with.
BROKEN = {
    "not masked": (b"\x81\x05hello", 1002),
    "a reserved bit": (b"\xc1\x80\x00\x00\x00\x00", 1002),
    "an unknown opcode": (b"\x83\x80\x00\x00\x00\x00", 1002),
    "a ping in pieces": (b"\x09\x80\x00\x00\x00\x00", 1002),
    "a ping of 126 bytes": (b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126), 1002),
    "no UTF-8": (b"\x81\x82\x00\x00\x00\x00\xc3\x28", 1007),
    "a continuation of nothing": (b"\x80\x80\x00\x00\x00\x00", 1002),
    "more than there may be": (b"\x81\xff" + struct.pack("!Q", 1 << 40) + bytes(4), 1009),
}


def token(member: Member) -> str:
    return member.tokens["accessToken"]


def own_channel(member: Member) -> str:
    return f"private-user-{member.user['id']}"


@contextmanager
def undisturbed(mesh: Mesh, member: Member) -> Iterator[None]:
    """Checks that two other connections, one of each dialect, go on as if nothing had happened."""
    with Socket(mesh.url) as pusher, SocketIOSocket(mesh.url, token(member)) as other:
        pusher.subscribe(own_channel(member), token(member))
        assert other.call("subscribe", {"channel": own_channel(member)})["ok"]
        yield
        assert other.call("client-note", {"channel": own_channel(member), "text": "still here"}) == {"ok": True}
        pusher.next("client-note", lambda message: pusher.data(message).get("text") == "still here")


def frames_of(mesh: Mesh, path: str, sent: bytes) -> bytes:
    """What the server sends to somebody who opens a WebSocket by hand and sends these bytes, until it ends it."""
    address = urlsplit(mesh.url)
    with sockets.create_connection((address.hostname, address.port), timeout=20) as raw:
        head = (
            f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        raw.sendall(head.encode())
        # The dialect's greeting has come before anything is sent.
        received = b""
        while b"\r\n\r\n" not in received or received.endswith(b"\r\n\r\n"):
            received += raw.recv(65_536)
        raw.sendall(sent)
        raw.shutdown(sockets.SHUT_WR)
        answer = b""
        while piece := raw.recv(65_536):
            answer += piece
        return answer


@pytest.mark.parametrize("path", [PUSHER, SOCKET_IO], ids=["pusher", "socket.io"])
def test_broken_frames_are_refused_by_their_code(mesh: Mesh, member: Member, path: str):
    with undisturbed(mesh, member):
        for name, (frame, code) in BROKEN.items():
            answer = frames_of(mesh, path, frame)
            assert answer[0] == 0x88 and struct.unpack("!H", answer[2:4])[0] == code, (name, answer)


def test_messages_that_are_none(mesh: Mesh, member: Member):
    with undisturbed(mesh, member), Socket(mesh.url) as pusher:
        for text in ("", "{", "[]", '{"event":1}', '{"event":"pusher:unheard-of"}', '{"event":"pusher:subscribe"}'):
            pusher.connection.send(text)
            assert pusher.next("pusher:error")["data"]["code"] == 4300
        for packet in ("4", "49", "42", "42{}", "42[1]", "420[", "451-[]"):
            with SocketIOSocket(mesh.url, token(member)) as socket:
                socket.connection.send(packet)
                assert socket.event("skillmesh:closing")["code"] == "bad_packet", packet
                assert socket.next("41") == "41"


def test_a_flood_ends_the_connection_that_it_comes_from(mesh: Mesh, member: Member):
    with undisturbed(mesh, member):
        with Socket(mesh.url) as pusher:
            with suppress(ConnectionClosed):
                for _ in range(1000):
                    pusher.send("pusher:ping", {})
            assert pusher.close_code() == 4100
        with SocketIOSocket(mesh.url, token(member)) as socket:
            assert socket.call("subscribe", {"channel": own_channel(member)})["ok"]
            refusals = [socket.call("client-note", {"channel": own_channel(member)}).get("code") for _ in range(50)]
            assert None in refusals and "rate_limited" in refusals
            large = {"channel": own_channel(member), "text": "x" * 10_240}
            time.sleep(1.1)
            assert socket.call("client-note", large)["code"] == "event_too_large"
            with suppress(ConnectionClosed):
                for _ in range(1000):
                    socket.emit("activity", {})
            assert socket.event("skillmesh:closing")["code"] == "rate_limited"
            socket.close()


def test_a_token_that_expires_ends_the_connection(mesh: Mesh, member: Member):
    key = Key()
    key.publish(mesh)
    eventually(
        lambda: member.get("/api/v1/me/devices", key.token(member, seconds=60)).status_code == 200, "the key is believed"
    )
    with undisturbed(mesh, member):
        brief = key.token(member, seconds=6)
        with Socket(mesh.url) as pusher, SocketIOSocket(mesh.url, brief) as socket:
            pusher.subscribe(own_channel(member), brief)
            with Socket(mesh.url) as renewed, SocketIOSocket(mesh.url, brief) as later:
                renewed.subscribe(own_channel(member), brief)
                # A later token keeps a connection.
                assert renewed.authorize(own_channel(member), token(member)).status_code == 200
                assert later.call("authenticate", {"token": token(member)}) == {"ok": True}
                assert later.call("authenticate", {"token": "nonsense"})["code"] == "token_invalid"
                # Told to come back at once: then with a new one.
                assert pusher.next("pusher:error")["data"]["code"] == 4200
                assert pusher.close_code() == 4200
                assert socket.event("skillmesh:closing")["code"] == "token_expired"
                assert socket.next("41") == "41"
                renewed.send("pusher:ping", {})
                renewed.next("pusher:pong")
                assert later.call("activity", {}) == {"ok": True}
        with Socket(mesh.url) as late:
            assert late.authorize(own_channel(member), brief).status_code == 401

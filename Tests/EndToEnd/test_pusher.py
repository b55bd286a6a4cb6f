"""Realtime by the Pusher Channels protocol: a client library as people have it, and raw sockets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator

import httpx
import pysher
import pytest

from support.client import Member, bearer, connect
from support.mesh import Mesh, PUSHER_SECRET
from support.pusher import Socket, connect_elsewhere
from support.socketio_socket import SocketIOSocket
from support.socketio_socket import connect_elsewhere as connect_socketio_elsewhere
from support.waiting import eventually


@pytest.fixture
def socket(mesh: Mesh) -> Iterator[Socket]:
    with Socket(mesh.url) as socket:
        yield socket


@pytest.fixture
def other(http: httpx.Client) -> Member:
    """Somebody else who is new."""
    return Member(http).register()


def token(member: Member) -> str:
    return member.tokens["accessToken"]


def own_channel(member: Member) -> str:
    return f"private-user-{member.user['id']}"


def status_channel(member: Member) -> str:
    return f"presence-user-{member.user['id']}"


def choose_status(member: Member, status: str) -> None:
    answer = member.http.patch("/api/v1/users/presence/status", json={"status": status}, headers=bearer(token(member)))
    assert answer.status_code == 200, answer.text


def wait_for_status(socket: Socket, status: str) -> dict:
    return socket.data(socket.next("user-status-change", lambda message: socket.data(message)["status"] == status))


class Pysher:
    """The library `pysher`, as it is used."""

    def __init__(self, mesh: Mesh, **options: object) -> None:
        port = int(mesh.url.rpartition(":")[2])
        self.pusher = pysher.Pusher("skillmesh", custom_host="127.0.0.1", port=port, secure=False, **options)
        self.events: list[tuple[str, str]] = []
        self.connected = False
        self.pusher.connection.bind("pusher:connection_established", self.note_connected)
        self.pusher.connect()
        eventually(lambda: self.connected, "pysher is connected")

    def note_connected(self, _: str) -> None:
        self.connected = True

    def listen(self, channel: str, *events: str) -> None:
        names = ("pusher_internal:subscription_succeeded", *events)

        def is_subscribed() -> bool:
            subscribed = self.pusher.subscribe(channel)
            for name in names:
                subscribed.bind(name, lambda data, *_, name=name: self.events.append((name, data)))
            # The library drops an answer that is faster than its user binds.
            deadline = time.monotonic() + 3
            while not self.heard(names[0]) and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self.heard(names[0]):
                self.pusher.unsubscribe(channel)
            return bool(self.heard(names[0]))

        eventually(is_subscribed, f"pysher is subscribed to {channel}")

    def end(self) -> None:
        # Its thread looks only every hundred seconds whether it is to end.
        self.pusher.disconnect(timeout=0.1)

    def heard(self, event: str) -> list[str]:
        return [data for name, data in self.events if name == event]


def test_pysher_works_unchanged(mesh: Mesh, member: Member, socket: Socket):
    client = Pysher(
        mesh,
        auth_endpoint=f"{mesh.url}/api/v1/realtime/auth",
        auth_endpoint_headers=bearer(token(member)),
    )
    client.listen(own_channel(member), "client-said")
    socket.subscribe(own_channel(member), token(member))
    socket.send("client-said", {"text": "ä"}, channel=own_channel(member))
    eventually(lambda: client.heard("client-said"), "pysher has heard")
    assert json.loads(client.heard("client-said")[0]) == {"text": "ä"}
    client.end()


def test_pysher_may_sign_itself_where_it_has_the_secret(mesh: Mesh, member: Member):
    client = Pysher(mesh, secret=PUSHER_SECRET)
    form = {"socket_id": client.pusher.connection.socket_id, "channel_name": own_channel(member)}
    answer = member.http.post("/api/v1/realtime/auth", data=form, headers=bearer(token(member)))
    assert answer.status_code == 200
    # What the library signs is what the mesh signs.
    assert client.pusher._generate_auth_token(own_channel(member)) == answer.json()["auth"]
    client.listen(own_channel(member))
    client.end()


@pytest.fixture
def two_gateways(mesh: Mesh) -> Iterator[None]:
    mesh.scale("gateway", 2)
    yield
    mesh.scale("gateway", 1)


def test_members_at_two_gateways_see_one_another(mesh: Mesh, two_gateways: None, member: Member, other: Member):
    with Socket(mesh.url) as here, connect_elsewhere(mesh.url, here) as there:
        there.subscribe(status_channel(other), token(other))
        succeeded = here.data(here.subscribe(status_channel(other), token(member)))
        assert succeeded["presence"]["ids"] == [other.user["id"]]
        assert set(succeeded["presence"]["hash"][other.user["id"]]) == {"name", "avatar"}
        choose_status(other, "busy")
        assert wait_for_status(here, "busy")["userId"] == other.user["id"]
        # The gateway of the one who is looked at dies; the other one tells what happens next, and that they are gone.
        os.kill(mesh.gateway_of(there.port)["pid"], signal.SIGKILL)
        choose_status_through_trouble(mesh, other, "online")
        assert wait_for_status(here, "online")["userId"] == other.user["id"]
        here.next("pusher_internal:member_removed", within=45)


def test_a_member_with_many_sockets_comes_and_goes_once(
    mesh: Mesh, two_gateways: None, member: Member, other: Member
):
    body = {"kind": "direct", "participantIds": [other.user["id"]]}
    conversation = member.http.post("/api/v1/conversations", json=body, headers=bearer(token(member))).json()["id"]
    channel = f"presence-conversation-{conversation}"
    with Socket(mesh.url) as pusher, SocketIOSocket(mesh.url, token(member)) as socketio:
        pusher.subscribe(channel, token(member))
        assert socketio.call("subscribe", {"channel": channel})["ok"]
        # Two at each gateway, of both dialects.
        own = [Socket(mesh.url), SocketIOSocket(mesh.url, token(other))]
        own.append(connect_elsewhere(mesh.url, own[0]))
        own.append(connect_socketio_elsewhere(mesh.url, token(other), own[1].gateway))
        for one in own:
            if isinstance(one, Socket):
                one.subscribe(channel, token(other))
            else:
                assert one.call("subscribe", {"channel": channel})["ok"]
        added = pusher.next("pusher_internal:member_added")
        assert pusher.data(added)["user_id"] == other.user["id"]
        assert socketio.event("presence.joined")["userId"] == other.user["id"]
        for one in own[:-1]:
            one.close()
        # Whatever was told of that is told before this.
        own[-1].emit("client-mark", {"channel": channel})
        before = messages_before(pusher, "client-mark")
        assert not [event for event in before if "member" in event], before
        assert socketio.events_so_far("presence.") == 0
        own[-1].close()
        assert pusher.data(pusher.next("pusher_internal:member_removed"))["user_id"] == other.user["id"]
        assert socketio.event("presence.left")["userId"] == other.user["id"]


def messages_before(socket: Socket, event: str) -> list[str]:
    """The events that come before one."""
    events = []
    while (message := json.loads(socket.connection.recv(timeout=20)))["event"] != event:
        events.append(message["event"])
    return events


def test_no_message_is_missed_when_a_gateway_dies(mesh: Mesh, two_gateways: None, member: Member, other: Member):
    body = {"kind": "direct", "participantIds": [other.user["id"]]}
    conversation = member.http.post("/api/v1/conversations", json=body, headers=bearer(token(member))).json()["id"]
    channel = f"presence-conversation-{conversation}"

    def send(number: int) -> None:
        message = {"clientMessageId": str(uuid.uuid4()), "body": f"number {number}"}
        path = f"/api/v1/conversations/{conversation}/messages"
        eventually(lambda: is_sent(path, message), "the message is sent")

    def is_sent(path: str, message: dict) -> bool:
        try:
            with connect(mesh.url) as http:
                return http.post(path, json=message, headers=bearer(token(member))).status_code in (200, 201)
        except httpx.TransportError:
            return False

    def sequence(socket: Socket) -> tuple[int, str]:
        message = socket.next("message.sent")
        return socket.data(message)["seq"], message["position"]

    with Socket(mesh.url) as here, connect_elsewhere(mesh.url, here) as there:
        here.subscribe(channel, token(member))
        there.subscribe(channel, token(other))
        for number in range(1, 4):
            send(number)
        seen = [sequence(there) for _ in range(3)]
        os.kill(mesh.gateway_of(there.port)["pid"], signal.SIGKILL)
        for number in range(4, 9):
            send(number)
        with Socket(mesh.url) as back:
            back.subscribe(channel, token(other), seen[-1][1])
            seen += [sequence(back) for _ in range(5)]
            send(9)
            seen.append(sequence(back))
        first = seen[0][0]
        assert [number for number, _ in seen] == list(range(first, first + 9))
        assert [sequence(here)[0] for _ in range(9)] == list(range(first, first + 9))


def choose_status_through_trouble(mesh: Mesh, member: Member, status: str) -> None:
    def is_chosen() -> bool:
        try:
            with connect(mesh.url) as http:
                body = {"status": status}
                answer = http.patch("/api/v1/users/presence/status", json=body, headers=bearer(token(member)))
            return answer.status_code == 200
        except httpx.TransportError:
            return False

    eventually(is_chosen, "the status is chosen")


def test_redis_may_be_flushed_and_killed(mesh: Mesh, member: Member, other: Member, socket: Socket):
    socket.subscribe(status_channel(other), token(member))
    choose_status(other, "busy")
    wait_for_status(socket, "busy")
    redis = ["redis-cli", "--no-auth-warning", "-u", mesh.env["REDIS_URL"]]
    subprocess.run([*redis, "FLUSHALL"], check=True, capture_output=True, timeout=30)
    eventually(lambda: are_changes_told(socket, other), "those who listen are told after a flush", within=60)
    info = subprocess.run([*redis, "INFO", "server"], check=True, capture_output=True, text=True, timeout=30).stdout
    process = next(int(line.split(":")[1]) for line in info.splitlines() if line.startswith("process_id:"))
    os.kill(process, signal.SIGKILL)
    eventually(lambda: are_changes_told(socket, other), "those who listened all the time are told again", within=60)
    with Socket(mesh.url) as late:
        late.subscribe(status_channel(other), token(member))
        assert are_changes_told(late, other)


def are_changes_told(socket: Socket, member: Member) -> bool:
    """Whether a subscriber hears of a new status within moments."""
    for status in ("online", "busy"):
        body = {"status": status}
        member.http.patch("/api/v1/users/presence/status", json=body, headers=bearer(token(member)))
    try:
        while json.loads(socket.connection.recv(timeout=2))["event"] != "user-status-change":
            pass
    except TimeoutError:
        return False
    return True


def test_what_is_not_allowed_is_said_by_its_number(mesh: Mesh, member: Member, other: Member, socket: Socket):
    assert socket.authorize(own_channel(other), token(member)).status_code == 403
    assert socket.authorize("private-nothing", token(member)).status_code == 404
    assert socket.authorize(own_channel(member), "x.y.z").status_code == 401
    socket.subscribe(own_channel(member), token(member))
    # The socket is one member's now.
    assert socket.authorize(own_channel(other), token(other)).status_code == 403
    with Socket(mesh.url) as stranger:
        signature = stranger.authorize(own_channel(other), token(other)).json()["auth"]
        for auth in ("skillmesh:00", signature[:-1] + ("0" if signature[-1] != "0" else "1"), ""):
            stranger.send("pusher:subscribe", {"channel": own_channel(other), "auth": auth})
            assert stranger.next("pusher:error")["data"]["code"] == 4009
        # A signature is for one socket.
        socket.send("pusher:subscribe", {"channel": own_channel(other), "auth": signature})
        assert socket.next("pusher:error")["data"]["code"] == 4009


def test_floods_and_giants_harm_nobody_else(mesh: Mesh, member: Member, socket: Socket):
    channel = own_channel(member)
    socket.subscribe(channel, token(member))
    with Socket(mesh.url) as wild:
        wild.subscribe(channel, token(member))
        for number in range(50):
            wild.send("client-flood", {"number": number}, channel=channel)
        assert wild.next("pusher:error")["data"]["code"] == 4301
        time.sleep(1.1)
        wild.send("client-giant", "x" * 10_241, channel=channel)
        assert wild.next("pusher:error")["data"]["code"] == 4301
        wild.connection.send("x" * 100_000)
        assert wild.close_code() == 1009
    numbers = [socket.data(socket.next("client-flood"))["number"] for _ in range(5)]
    assert numbers == [0, 1, 2, 3, 4]
    socket.send("pusher:ping", "")
    socket.next("pusher:pong")


def test_a_suspended_member_is_gone_at_once(mesh: Mesh, member: Member, other: Member, socket: Socket):
    socket.subscribe(own_channel(member), token(member))
    with Socket(mesh.url) as stays:
        stays.subscribe(own_channel(other), token(other))
        revocation = json.dumps({"until": "2999-01-01T00:00:00Z", "reason": "suspended"})
        mesh.publish("identity.revocations", f"member:{member.user['id']}", revocation)
        began = time.monotonic()
        assert socket.close_code() == 4009
        assert time.monotonic() - began < 20
        stays.send("pusher:ping", {})
        stays.next("pusher:pong")


def test_a_gateway_that_ends_says_to_come_back(mesh: Mesh, member: Member, socket: Socket):
    socket.subscribe(own_channel(member), token(member))
    ended = mesh.replica("gateway")["pid"]
    os.kill(ended, signal.SIGTERM)
    assert socket.next("pusher:error")["data"]["code"] == 4200
    assert socket.close_code() == 4200
    mesh.wait_until_replaced("gateway", ended)

"""What members hear of their conversations over sockets, and that it agrees with what they can read."""

from __future__ import annotations

import httpx
import pytest

from support.client import Member
from support.mesh import Mesh
from support.pusher import Socket
from support.socketio_socket import SocketIOSocket
from test_messaging import call, history, open_direct, send, whole_history


@pytest.fixture
def other(http: httpx.Client) -> Member:
    return Member(http).register()


def channel(conversation: str) -> str:
    return f"presence-conversation-{conversation}"


def token(member: Member) -> str:
    return member.tokens["accessToken"]


def test_what_happens_is_heard_by_those_who_take_part(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    stranger = Member(member.http).register()
    with Socket(mesh.url) as socket, Socket(mesh.url) as own, Socket(mesh.url) as strange:
        assert strange.authorize(channel(conversation), token(stranger)).status_code == 404
        hello = socket.subscribe(channel(conversation), token(other))
        assert other.user["id"] in socket.data(hello)["presence"]["ids"]
        own.subscribe(f"private-user-{other.user['id']}", token(other))

        sent = send(member, conversation, "Hello").json()
        assert socket.data(socket.next("message.sent")) == sent
        badge = own.data(own.next("conversation.updated"))
        assert (badge["conversationId"], badge["lastSeq"], badge["unread"]) == (conversation, 1, 1)

        call(other, "POST", f"/conversations/{conversation}/receipts", json={"readSeq": 1})
        receipt = socket.data(socket.next("receipt.updated"))
        assert (receipt["userId"], receipt["readSeq"], receipt["deliveredSeq"]) == (other.user["id"], 1, 1)
        assert own.data(own.next("conversation.updated"))["unread"] == 0

        edited = call(member, "PATCH", f"/messages/{sent['id']}", json={"body": "Good day"}).json()
        assert socket.data(socket.next("message.edited")) == edited
        assert call(member, "DELETE", f"/messages/{sent['id']}").status_code == 204
        deleted = socket.data(socket.next("message.deleted"))
        assert (deleted["id"], deleted["seq"], deleted["version"]) == (sent["id"], 1, 3)


def test_typing_is_announced_and_ends_by_itself(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    with Socket(mesh.url) as here, Socket(mesh.url) as there:
        here.subscribe(channel(conversation), token(member))
        there.subscribe(channel(conversation), token(other))
        here.send("client-typing", {}, channel=channel(conversation))
        started = there.data(there.next("typing.started"))
        assert started == {"conversationId": conversation, "userId": member.user["id"]}
        assert there.data(there.next("typing.stopped")) == started
        call(member, "POST", f"/conversations/{conversation}/typing", json={})
        there.next("typing.started")
        call(member, "POST", f"/conversations/{conversation}/typing", json={"typing": False})
        there.next("typing.stopped")


def test_who_leaves_a_group_hears_no_more_of_it(mesh: Mesh, member: Member, other: Member):
    body = {"kind": "group", "participantIds": [other.user["id"]], "title": "Choir"}
    group = call(member, "POST", "/conversations", json=body).json()["id"]
    with Socket(mesh.url) as socket:
        socket.subscribe(channel(group), token(other))
        path = f"/conversations/{group}/participants/{other.user['id']}"
        assert call(member, "DELETE", path).status_code == 204
        notice = socket.data(socket.next("message.sent"))["notice"]
        assert notice == {"kind": "left", "memberIds": [other.user["id"]]}
        socket.next("pusher:subscription_error")
        assert socket.authorize(channel(group), token(other)).status_code == 404


def test_a_device_that_was_away_misses_nothing(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    with Socket(mesh.url) as socket:
        socket.subscribe(channel(conversation), token(other))
        send(member, conversation, "one")
        position = socket.next("message.sent")["position"]
    for number in range(20):
        send(member, conversation, f"missed {number}")
    with Socket(mesh.url) as socket:
        socket.subscribe(channel(conversation), token(other), position)
        heard = [socket.data(socket.next("message.sent")) for _ in range(20)]
    assert heard == history(other, conversation, afterSeq=1, limit=100)


@pytest.mark.parametrize("missed", [30, 130], ids=["a while", "longer than channels remember"])
def test_two_devices_of_a_member_agree_when_one_was_away(mesh: Mesh, member: Member, other: Member, missed: int):
    conversation = open_direct(member, other)["id"]
    place = {"channel": channel(conversation)}
    with Socket(mesh.url) as stayed:
        stayed.subscribe(channel(conversation), token(other))
        with SocketIOSocket(mesh.url, token(other)) as left:
            assert left.call("subscribe", place)["ok"]
            send(member, conversation, "one")
            position = left.event("message.sent")["position"]
        for number in range(missed):
            send(member, conversation, f"missed {number}")
        with SocketIOSocket(mesh.url, token(other)) as back:
            assert back.call("subscribe", place | {"position": position})["ok"]
            loaded = whole_history(other, conversation)
            if missed < 100:
                heard = [back.event("message.sent") for _ in range(missed)]
                resumed = [{name: one[name] for name in loaded[0]} for one in heard]
            else:
                # It is told so, and asks for what is behind the last message that it knows.
                assert back.event("skillmesh:missed")["channel"] == channel(conversation)
                resumed = [*history(other, conversation, afterSeq=1, limit=100), *history(other, conversation, afterSeq=101)]
            send(member, conversation, "live again")
            live = back.event("message.sent")
        told = [stayed.data(stayed.next("message.sent")) for _ in range(missed + 2)]
    assert told[:-1] == loaded == [loaded[0], *resumed]
    assert [one["seq"] for one in told] == list(range(1, missed + 3))
    assert {name: live[name] for name in told[-1]} == told[-1]

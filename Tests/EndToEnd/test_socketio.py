"""Realtime as the Socket.IO library speaks it, over polling, over WebSocket, and from the one to the other."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from support.client import Member, bearer
from support.mesh import Mesh
from support.socketio_client import WAYS, SocketIOClient

POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture
def other(http: httpx.Client) -> Member:
    return Member(http).register()


def connect(mesh: Mesh, member: Member, transports: list[str], **auth: object) -> SocketIOClient:
    return SocketIOClient(mesh.url, member.tokens["accessToken"], transports, **auth)


def open_direct(one: Member, two: Member) -> str:
    """The direct conversation of two members."""
    body = {"kind": "direct", "participantIds": [two.user["id"]]}
    answer = one.http.post("/api/v1/conversations", json=body, headers=bearer(one.tokens["accessToken"]))
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["id"]


def write(member: Member, conversation: str, body: str) -> None:
    message = {"clientMessageId": str(uuid.uuid4()), "body": body}
    answer = member.http.post(
        f"/api/v1/conversations/{conversation}/messages", json=message, headers=bearer(member.tokens["accessToken"])
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("transports", WAYS, ids="-".join)
def test_messages_reach_a_subscriber(mesh: Mesh, member: Member, other: Member, transports: list[str]):
    conversation = open_direct(member, other)
    channel = f"presence-conversation-{conversation}"
    with connect(mesh, other, transports) as client:
        client.wait("connect")
        assert client.transport() == transports[-1]
        subscribed = client.call("subscribe", {"channel": channel})
        assert subscribed["ok"] and subscribed["position"]
        for number in range(5):
            write(member, conversation, f"message {number}")
        events = client.wait("message.sent", 5)
        assert [one["body"] for one in events] == [f"message {number}" for number in range(5)]
        assert all(one["channel"] == channel and one["position"] for one in events)
        assert client.call("unsubscribe", {"channel": channel}) == {"ok": True}
        client.leave()


@pytest.mark.parametrize("transports", WAYS[:2], ids="-".join)
def test_members_see_one_another(mesh: Mesh, member: Member, other: Member, transports: list[str]):
    channel = f"presence-conversation-{open_direct(member, other)}"
    with connect(mesh, member, transports) as first, connect(mesh, other, ["websocket"]) as second:
        assert [one["userId"] for one in first.call("subscribe", {"channel": channel})["members"]] == [member.user["id"]]
        there = second.call("subscribe", {"channel": channel})["members"]
        assert {one["userId"] for one in there} == {member.user["id"], other.user["id"]}
        joined = first.wait("presence.joined")[0]
        assert (joined["channel"], joined["userId"]) == (channel, other.user["id"])
        assert second.call("typing", {"channel": channel})["ok"]
        assert first.wait("typing.started")[0]["channel"] == channel
        second.leave()
        assert first.wait("presence.left")[0]["userId"] == other.user["id"]


def test_two_connections_of_a_member_share_a_channel(mesh: Mesh, member: Member):
    channel = f"private-user-{member.user['id']}"
    with connect(mesh, member, ["websocket"]) as first, connect(mesh, member, ["polling"]) as second:
        for client in (first, second):
            assert client.call("subscribe", {"channel": channel})["ok"]
        assert first.call("client-note", {"channel": channel, "text": "hello", "userId": "somebody else"}) == {"ok": True}
        note = second.wait("client-note")[0]
        assert note == {"channel": channel, "userId": member.user["id"], "text": "hello"}
        assert first.events("client-note") == []


def test_refusals_name_their_reason(mesh: Mesh, member: Member, other: Member):
    for token, code in [(None, "not_signed_in"), ("nonsense", "token_invalid")]:
        with SocketIOClient(mesh.url, token, ["websocket"]) as client:
            assert client.wait("connect_error")[0]["data"] == {"code": code}
    with connect(mesh, member, ["websocket"]) as client:
        cases = [
            ("subscribe", {"channel": f"private-user-{other.user['id']}"}, "forbidden"),
            ("subscribe", {"channel": "private-nothing"}, "unknown_channel"),
            ("subscribe", {"channel": "no channel"}, "invalid_channel"),
            ("unheard-of", {}, "unknown_event"),
            ("unheard-of", {"text": "x" * 20_000}, "event_too_large"),
        ]
        for name, data, code in cases:
            answer = client.call(name, data)
            assert (answer["ok"], answer["code"]) == (False, code)


@pytest.mark.parametrize("transports", WAYS[:2], ids="-".join)
def test_a_suspended_member_is_sent_away(mesh: Mesh, member: Member, transports: list[str]):
    with connect(mesh, member, transports) as client:
        client.wait("connect")
        mesh.run("admin", "suspend", member.email, "--reason", "spam")
        assert client.wait("skillmesh:closing", within=5)[0]["code"] == "revoked"
        assert client.wait("disconnect") == ["server disconnect"]
        assert client.events("connect_error") == []


def test_nothing_is_missed_when_the_gateway_dies(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)
    channel = f"presence-conversation-{conversation}"
    with connect(mesh, other, ["polling", "websocket"]) as client:
        position = client.call("subscribe", {"channel": channel})["position"]
        write(member, conversation, "before")
        position = client.wait("message.sent")[0]["position"]
        mesh.wait_until_replaced("gateway", mesh.kill("gateway"))
        for number in range(3):
            write(member, conversation, f"{number}")
        # The library comes back by itself.
        client.wait("connect", 2)
        assert client.call("subscribe", {"channel": channel, "position": position})["position"] == position
        write(member, conversation, "after")
        assert [one["body"] for one in client.wait("message.sent", 5)] == ["before", "0", "1", "2", "after"]
        assert client.events("skillmesh:missed") == []


def test_requests_that_make_no_sense(mesh: Mesh):
    plain = httpx.Client(base_url=mesh.url, trust_env=False)
    opened = plain.get(POLLING, headers={"origin": "https://app.example"})
    assert opened.headers["access-control-allow-origin"] == "https://app.example"
    session = f"{POLLING}&sid={json.loads(opened.text[1:])['sid']}"
    assert plain.post(session, content="4" + "0" * 200_000).status_code == 413
    refusals = [
        ("GET", "/socket.io/", 5),
        ("GET", "/socket.io/?EIO=3&transport=polling", 5),
        ("GET", "/socket.io/?EIO=4&transport=smoke", 0),
        ("GET", f"{POLLING}&sid=nobody", 1),
        ("POST", POLLING, 2),
    ]
    for method, path, code in refusals:
        answer = plain.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (400, code)

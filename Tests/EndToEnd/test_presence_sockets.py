"""Who is there, told as it happens."""

from __future__ import annotations

import httpx
import pytest

from support.client import Member, bearer
from support.mesh import Mesh
from support.socketio_client import SocketIOClient
from support.waiting import eventually

CHANGE = "user-status-change"


@pytest.fixture
def other(http: httpx.Client) -> Member:
    """Somebody else, who watches."""
    return Member(http).register()


def connect(mesh: Mesh, member: Member, **auth: object) -> SocketIOClient:
    client = SocketIOClient(mesh.url, member.tokens["accessToken"], ["websocket"], **auth)
    client.wait("connect")
    return client


def watch(client: SocketIOClient, member: Member) -> None:
    """Subscribes to a member's status, as soon as the member is known."""
    channel = f"presence-user-{member.user['id']}"
    eventually(lambda: client.call("subscribe", {"channel": channel})["ok"], "the member can be watched")
    client.wait(CHANGE)


def statuses(client: SocketIOClient) -> list[str]:
    return [event["status"] for event in client.events(CHANGE)]


def patch(member: Member, what: str, body: dict) -> None:
    headers = bearer(member.tokens["accessToken"])
    answer = member.http.patch(f"/api/v1/users/presence/{what}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def wait_for(client: SocketIOClient, *expected: str) -> None:
    """Waits until the client was told exactly these statuses."""
    eventually(lambda: len(statuses(client)) >= len(expected), f"{expected}, told {statuses(client)}")
    assert statuses(client) == list(expected)


def test_watchers_are_told_of_changes_and_of_nothing_else(mesh: Mesh, member: Member, other: Member):
    with connect(mesh, other) as watcher:
        watch(watcher, member)
        wait_for(watcher, "offline")
        with connect(mesh, member, deviceId="web") as first:
            wait_for(watcher, "offline", "online")
            change = watcher.events(CHANGE)[-1]
            assert change["userId"] == member.user["id"] and change["lastActive"]
            assert change["user"] == {
                "id": member.user["id"],
                "firstName": "Ada",
                "lastName": "Lovelace",
                "avatar": None,
            }
            # A second tab, which closes again, and a reload: nobody is told anything.
            with connect(mesh, member, deviceId="web") as second:
                second.leave()
            first.leave()
        with connect(mesh, member, deviceId="web") as reloaded:
            assert reloaded.call("activity", {"appState": "background"})["ok"]
            wait_for(watcher, "offline", "online", "away")
            assert reloaded.call("activity", {"appState": "foreground"})["ok"]
            wait_for(watcher, "offline", "online", "away", "online")
            assert reloaded.call("setStatus", {"status": "busy"})["ok"]
            wait_for(watcher, "offline", "online", "away", "online", "busy")
            assert reloaded.call("setStatus", {"status": "asleep"})["ok"] is False
            reloaded.leave()
        patch(member, "status", {"status": "online"})
        # The last socket was closed: ten seconds later the member is gone.
        versions = [event["version"] for event in watcher.events(CHANGE)]
        assert versions == sorted(set(versions))


def test_privacy_acts_at_once_on_open_sockets(mesh: Mesh, member: Member, other: Member):
    with connect(mesh, other) as watcher, connect(mesh, member):
        eventually(
            lambda: other.get(f"/api/v1/users/presence/{member.user['id']}").json().get("status") == "online",
            "the member is online",
        )
        watch(watcher, member)
        wait_for(watcher, "online")
        patch(member, "settings", {"showOnlineStatus": "nobody"})
        eventually(lambda: statuses(watcher)[-1] == "offline", "the watcher sees it no more")
        hidden = len(statuses(watcher))
        patch(member, "status", {"status": "busy"})
        patch(member, "status", {"status": "online"})
        patch(member, "settings", {"showOnlineStatus": "contacts"})
        body = {"kind": "direct", "participantIds": [member.user["id"]]}
        headers = bearer(other.tokens["accessToken"])
        assert other.http.post("/api/v1/conversations", json=body, headers=headers).status_code == 201
        eventually(lambda: statuses(watcher)[-1] == "online", "contacts see it")
        assert set(statuses(watcher)[hidden:-1]) <= {"offline"}
        patch(member, "status", {"status": "offline"})
        eventually(lambda: statuses(watcher)[-1] == "offline", "appearing offline is being offline")
        assert all(event["lastActive"] is None for event in watcher.events(CHANGE)[1 : hidden - 1])


def test_a_watched_channel_lists_its_member_alone(mesh: Mesh, member: Member, other: Member):
    with connect(mesh, other) as watcher, connect(mesh, member) as own:
        watch(watcher, member)
        watch(own, member)
        assert watcher.call("subscribe", {"channel": "presence-user-nobody"})["ok"] is False
        joined = watcher.wait("presence.joined")
        assert [one["userId"] for one in joined] == [member.user["id"]]

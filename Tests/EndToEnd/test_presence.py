"""Who is there, and who may know."""

from __future__ import annotations

import json
import subprocess
import uuid
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from support.client import Member, bearer, problem
from support.mesh import Mesh
from support.waiting import eventually

HIDDEN = {"status": "offline", "lastActive": None, "lastActiveText": "Offline", "customStatus": None}


def call(member: Member, method: str, path: str, body: object = None) -> httpx.Response:
    """A request that a member makes."""
    return member.http.request(method, f"/api/v1{path}", json=body, headers=bearer(member.tokens["accessToken"]))


def done(member: Member, method: str, path: str, body: object = None) -> dict:
    """The answer to a request that must succeed."""
    answer = call(member, method, path, body)
    assert answer.status_code in (200, 201, 204), answer.text
    return answer.json() if answer.content else {}


def seen(member: Member, by: Member) -> dict:
    """How a member looks to another, as soon as they are known."""
    path = f"/users/presence/{member.user['id']}"
    eventually(lambda: call(by, "GET", path).status_code == 200, "the member is known")
    view = done(by, "GET", path)
    assert view.pop("userId") == member.user["id"]
    return view


def beat(member: Member, device: str = "phone", **fields: object) -> None:
    """A heartbeat of a device."""
    assert call(member, "POST", "/user/presence", {"deviceId": device} | fields).status_code == 204


@pytest.fixture
def other(http: httpx.Client) -> Member:
    """Somebody else, who looks."""
    return Member(http).register()


def test_devices_come_and_go(member: Member, other: Member):
    assert seen(member, by=other) == HIDDEN
    beat(member, "phone", appState="foreground")
    view = seen(member, by=other)
    assert (view["status"], view["lastActiveText"]) == ("online", "Active now")
    assert datetime.fromisoformat(view["lastActive"]).tzinfo is not None
    beat(member, "laptop")
    beat(member, "phone", status="offline")
    assert seen(member, by=other)["status"] == "online"
    beat(member, "laptop", appState="background")
    assert seen(member, by=other)["status"] == "away"
    beat(member, "laptop", appState="foreground")
    # What a page sends while it closes: no headers of its own.
    beacon = {"deviceId": "laptop", "status": "offline", "accessToken": member.tokens["accessToken"]}
    answer = member.http.post(
        "/api/v1/user/presence", content=json.dumps(beacon), headers={"content-type": "text/plain;charset=UTF-8"}
    )
    assert answer.status_code == 204, answer.text
    view = seen(member, by=other)
    assert (view["status"], view["lastActiveText"]) == ("offline", "Last active just now")
    assert done(other, "GET", f"/user/{member.user['id']}/status")["status"] == "offline"


def test_choices_override_what_is_automatic(member: Member, other: Member):
    beat(member)
    until = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    chosen = {"status": "busy", "until": until, "message": "Teaching", "emoji": "📚"}
    view = done(member, "PATCH", "/users/presence/status", chosen)
    assert view["status"] == "busy"
    assert seen(member, by=other)["customStatus"] == {"message": "Teaching", "emoji": "📚", "until": until}
    beat(member, status="offline")
    assert seen(member, by=other)["status"] == "busy"
    done(member, "PATCH", "/users/presence/status", {"status": "away", "message": None, "emoji": None})
    assert (seen(member, by=other)["status"], seen(member, by=other)["customStatus"]) == ("away", None)
    beat(member)
    assert seen(member, by=other)["status"] == "online"
    done(member, "PATCH", "/users/presence/status", {"status": "offline"})
    beat(member)
    view = seen(member, by=other)
    assert (view["status"], view["lastActiveText"]) == ("offline", "Last active just now")
    frozen = view["lastActive"]
    beat(member)
    assert seen(member, by=other)["lastActive"] == frozen
    done(member, "PATCH", "/users/presence/status", {"status": "online"})
    assert seen(member, by=other)["status"] == "online"


@pytest.mark.parametrize(
    ("method", "path", "body", "pointers"),
    [
        ("PATCH", "/users/presence/status", {"status": "asleep"}, ["/status"]),
        ("PATCH", "/users/presence/status", {"status": "busy", "until": "2020-01-01T00:00:00Z"}, ["/until"]),
        ("PATCH", "/users/presence/status", {"message": "a" * 141, "emoji": "x"}, ["/message", "/emoji"]),
        ("PATCH", "/users/presence/settings", {"showOnlineStatus": "friends"}, ["/showOnlineStatus"]),
        ("POST", "/user/presence", {"status": "online"}, ["/deviceId"]),
        ("POST", "/user/presence", {"deviceId": "a" * 65}, ["/deviceId"]),
        ("POST", "/users/presence/query", {"userIds": [str(uuid.uuid4())] * 201}, ["/userIds"]),
        (
            "PUT",
            "/me/provider-settings",
            {
                "maxConcurrentSessions": 0,
                "acceptsOnline": True,
                "acceptsInPerson": True,
                "quietHours": {"start": "25:00", "end": "07:00", "timezone": "UTC"},
            },
            ["/maxConcurrentSessions", "/quietHours/start"],
        ),
        (
            "PUT",
            "/me/provider-settings",
            {
                "maxConcurrentSessions": 1,
                "acceptsOnline": True,
                "acceptsInPerson": True,
                "quietHours": {"start": "22:00", "end": "07:00", "timezone": "Mars/Base"},
            },
            ["/quietHours/timezone"],
        ),
    ],
)
def test_what_is_wrong_is_named(member: Member, method: str, path: str, body: dict, pointers: list[str]):
    answer = call(member, method, path, body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


def test_strangers_and_nobody(http: httpx.Client, member: Member):
    assert problem(call(member, "GET", f"/users/presence/{uuid.uuid4()}")) == (404, "member_not_found")
    assert call(member, "GET", "/users/presence/someone").status_code == 404
    for method, path in [("GET", f"/users/presence/{member.user['id']}"), ("POST", "/user/presence")]:
        assert http.request(method, f"/api/v1{path}").status_code == 401


def test_hidden_members_leak_nowhere(mesh: Mesh, member: Member, other: Member):
    beat(member)
    done(member, "PATCH", "/users/presence/status", {"status": "busy", "message": "Here"})
    assert done(member, "GET", "/users/presence/settings") == {"showOnlineStatus": "everyone", "hideExactTimes": False}
    done(member, "PATCH", "/users/presence/settings", {"showOnlineStatus": "nobody"})
    query = {"userIds": [member.user["id"], other.user["id"]]}

    def is_hidden() -> bool:
        listed = done(other, "GET", "/users/presence/online?limit=100")["items"]
        views = done(other, "POST", "/users/presence/query", query)["items"]
        assert [view["userId"] for view in views] == query["userIds"]
        assert views[0] == {"userId": member.user["id"]} | HIDDEN
        assert seen(member, by=other) == HIDDEN
        return all(view["userId"] != member.user["id"] for view in listed)

    assert is_hidden()
    assert seen(member, by=member)["status"] == "busy"
    # A lost cache reveals nothing.
    subprocess.run(["redis-cli", "-u", mesh.env["REDIS_URL"], "FLUSHALL"], check=True, capture_output=True, timeout=30)
    assert is_hidden()
    beat(member)
    assert is_hidden()
    done(member, "PATCH", "/users/presence/settings", {"showOnlineStatus": "everyone", "hideExactTimes": True})
    view = seen(member, by=other)
    assert (view["status"], view["lastActive"], view["customStatus"]["message"]) == ("busy", None, "Here")
    assert view["lastActiveText"] == "Last active recently"
    eventually(
        lambda: member.user["id"] in {view["userId"] for view in done(other, "GET", "/users/presence/online")["items"]},
        "the member is listed",
    )


def test_contacts_are_those_who_share_a_conversation(member: Member, other: Member):
    beat(member)
    done(member, "PATCH", "/users/presence/settings", {"showOnlineStatus": "contacts"})
    assert seen(member, by=other) == HIDDEN
    done(other, "POST", "/conversations", {"kind": "direct", "participantIds": [member.user["id"]]})
    eventually(lambda: seen(member, by=other)["status"] == "online", "contacts see one another")
    done(other, "POST", f"/blocks/{member.user['id']}")
    eventually(lambda: seen(member, by=other) == HIDDEN, "the blocked do not")
    assert seen(other, by=member)["status"] == "offline"


def test_providers_who_are_there_are_listed(member: Member, other: Member):
    settings = {
        "maxConcurrentSessions": 2,
        "acceptsOnline": True,
        "acceptsInPerson": False,
        "quietHours": {"start": "22:00", "end": "07:30", "timezone": "Europe/Berlin"},
    }
    assert done(member, "PUT", "/me/provider-settings", settings) == settings
    assert done(member, "GET", "/me/provider-settings") == settings
    done(member, "PUT", "/me/provider-settings", settings | {"quietHours": None})
    skill = member.http.get("/api/v1/skills").json()["items"][0]["id"]
    done(member, "POST", "/me/skills", {"skillId": skill, "kind": "teaching", "proficiency": 80})
    beat(member)
    beat(other)

    def listed() -> list[str]:
        page = done(other, "GET", "/users/presence/online?role=provider&limit=100")
        assert page["nextCursor"] is None
        assert all(view["status"] != "offline" for view in page["items"])
        return [view["userId"] for view in page["items"]]

    eventually(lambda: member.user["id"] in listed(), "the provider is listed")
    assert other.user["id"] not in listed()
    counts = done(other, "GET", "/users/presence/counts?role=provider")
    assert set(counts) == {"online", "away", "busy"} and sum(counts.values()) >= 1
    beat(member, status="offline")
    eventually(lambda: member.user["id"] not in listed(), "the provider is not listed any more")


def test_presence_survives_its_replica(mesh: Mesh, member: Member, other: Member):
    beat(member)
    done(member, "PATCH", "/users/presence/status", {"message": "Still here"})
    mesh.wait_until_replaced("presence", mesh.kill("presence"))
    view = eventually(
        lambda: (answer := call(other, "GET", f"/users/presence/{member.user['id']}")).status_code == 200 and answer,
        "presence answers again",
    ).json()
    assert (view["status"], view["customStatus"]["message"]) == ("online", "Still here")

"""Who may know what: viewer by setting by filter, across all services."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import httpx
import pytest

from support.client import Member, bearer, connect
from support.mesh import Mesh
from support.profiles import change, found
from support.waiting import eventually

LEVELS = ("everyone", "contacts", "nobody")


def done(member: Member, method: str, path: str, body: object = None) -> dict:
    """The answer to a request that must succeed."""
    answer = member.http.request(method, f"/api/v1{path}", json=body, headers=bearer(member.tokens["accessToken"]))
    assert answer.is_success, answer.text
    return answer.json() if answer.content else {}


class Scene:
    """Somebody who is there and shows it to some, and those who look."""

    def __init__(self, http: httpx.Client) -> None:
        # A word that nobody else has: what is found by it is them alone.
        self.word = f"w{time.time_ns()}"
        self.subject, self.contact, self.stranger, self.blocked, self.blocker = (
            Member(http).register() for _ in range(5)
        )
        self.id = self.subject.user["id"]
        change(self.subject, bio=self.word, location="Graz")
        for other in (self.contact, self.blocked, self.blocker):
            done(other, "POST", "/conversations", {"kind": "direct", "participantIds": [self.id]})
        done(self.subject, "POST", f"/blocks/{self.blocked.user['id']}")
        done(self.blocker, "POST", f"/blocks/{self.id}")
        self.beat()

    def beat(self) -> None:
        """The subject is there."""
        done(self.subject, "POST", "/user/presence", {"deviceId": "phone", "appState": "foreground"})

    def set(self, level: str) -> None:
        """Shows everything to these."""
        done(self.subject, "PATCH", "/users/presence/settings", {"showOnlineStatus": level})
        change(self.subject, privacy={"listed": "everyone", "location": level, "learning": level})

    def finds(self, viewer: Member, **query: object) -> bool:
        """Whether a viewer finds the subject; a page and its cursor tell nothing else."""
        ids = found(viewer, q=self.word, limit=1, **query)
        assert ids in ([], [self.id])
        return ids != []

    def public(self, viewer: Member) -> dict | None:
        """The profile that a viewer is shown."""
        answer = viewer.get(f"/api/v1/users/{self.id}")
        return answer.json() if answer.status_code == 200 else None


@pytest.fixture(scope="module")
def scene(mesh: Mesh) -> Iterator[Scene]:
    """One for all settings, since only those change."""
    with connect(mesh.url) as http:
        yield Scene(http)


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_found_out_that_may_not_be_known(scene: Scene, level: str):
    scene.set(level)
    expected = {"contact": level != "nobody", "stranger": level == "everyone"}
    for name, knows in expected.items():
        viewer = getattr(scene, name)

        def is_settled() -> bool:
            scene.beat()
            return scene.finds(viewer, onlineStatus="online") == knows

        eventually(is_settled, f"{name} sees what is for {level}")
        for query, is_found in [
            ({"onlineStatus": "online"}, knows),
            ({"onlineStatus": ["online", "away", "busy"]}, knows),
            ({"onlineStatus": "offline"}, not knows),
            ({"onlineStatus": ["offline", "away"]}, not knows),
            ({"onlineStatus": ["offline", "online"]}, True),
            ({"activeWithin": "1h"}, knows),
            ({"activeWithin": "1h", "onlineStatus": "offline"}, False),
            ({"lastSeenWithin": "1h"}, knows),
            ({"location": "Graz"}, knows),
            ({"location": "Graz", "onlineStatus": "online", "sort": "active"}, knows),
            *(({"sort": sort}, True) for sort in ("best", "rating", "newest", "name", "active")),
        ]:
            assert scene.finds(viewer, **query) == is_found, (name, query)
        public = scene.public(viewer)
        assert public
        assert (public["location"] == "Graz") == knows
        assert (public["presence"]["status"] == "online") == knows
        assert (public["presence"]["lastActive"] is not None) == knows
        card = viewer.get(f"/api/v1/users?q={scene.word}").json()["items"][0]
        assert (card["presence"], card["location"]) == (public["presence"], public["location"])
        # Presence itself says the same.
        status = viewer.get(f"/api/v1/users/presence/{scene.id}").json()
        assert (status["status"] == "online", status["lastActive"] is not None) == (knows, knows)
    for parted in (scene.blocked, scene.blocker):
        assert not any(scene.finds(parted, **query) for query in ({}, {"onlineStatus": "online"}, {"sort": "active"}))
        assert scene.public(parted) is None


@pytest.mark.parametrize("level", LEVELS)
def test_who_is_listed_to_some_is_found_by_those(scene: Scene, level: str):
    change(scene.subject, privacy={"listed": level, "location": "everyone", "learning": "everyone"})
    for name, knows in {"contact": level != "nobody", "stranger": level == "everyone"}.items():
        viewer = getattr(scene, name)
        for query in ({}, {"location": "Graz"}, {"sort": "newest"}, {"sort": "active"}):
            assert scene.finds(viewer, **query) == knows, (name, query)
    change(scene.subject, privacy={"listed": "everyone", "location": "everyone", "learning": "everyone"})


def test_a_status_is_found_soon_after_it_has_changed(scene: Scene):
    scene.set("everyone")
    scene.beat()
    eventually(lambda: scene.finds(scene.stranger, onlineStatus="online"), "there")
    delays = []
    for status in ("busy", "online", "busy", "online", "busy"):
        done(scene.subject, "PATCH", "/users/presence/status", {"status": status})
        began = time.monotonic()
        eventually(lambda: scene.finds(scene.stranger, onlineStatus=status), f"{status} is found")
        delays.append(time.monotonic() - began)
    done(scene.subject, "PATCH", "/users/presence/status", {"status": "online"})
    # A machine that has much else to do may be late, but not every time.
    assert statistics.median(delays) < 2, delays


def test_times_that_are_hidden_are_not_looked_for(scene: Scene):
    done(scene.subject, "PATCH", "/users/presence/settings", {"showOnlineStatus": "everyone", "hideExactTimes": True})
    scene.beat()
    eventually(lambda: not scene.finds(scene.stranger, activeWithin="1d"), "the time is not told")
    assert scene.finds(scene.stranger, onlineStatus="online")
    assert scene.finds(scene.stranger, lastSeenWithin="5m")
    public = scene.public(scene.stranger)
    assert public and public["presence"] == {"status": "online", "lastActive": None}

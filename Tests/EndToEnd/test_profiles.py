"""Profiles, skills, and members who find one another."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.client import Member, bearer, problem
from support.mesh import Mesh
from support.profiles import add_skill, change, found, own, skill_named
from support.waiting import eventually


@pytest.fixture
def other(http: httpx.Client) -> Member:
    """Somebody else."""
    return Member(http).register()


def test_a_profile_is_there_right_after_registration(http: httpx.Client):
    for _ in range(5):
        member = Member(http).register()
        profile = own(member)
        assert (profile["id"], profile["email"]) == (member.user["id"], member.email)
        assert (profile["firstName"], profile["lastName"], profile["avatarUrl"]) == ("Ada", "Lovelace", None)
        assert profile["completeness"]["percent"] == 20
        assert "skills" in profile["completeness"]["missing"]


def test_a_profile_is_changed_in_part_and_not_over_another_change(member: Member):
    tag = member.get("/api/v1/me").headers["etag"]
    profile = change(
        member,
        bio="<img src=x onerror=alert(1)>",
        location="Vienna, Austria",
        timezone="Europe/Vienna",
        languages=["de-at", "en"],
        learningStyle="visual",
        preferences={"hours": [{"day": "monday", "start": "18:00", "end": "20:00"}], "sessionMinutes": 60},
    )
    # It is text, and comes back as it went.
    assert profile["bio"] == "<img src=x onerror=alert(1)>"
    assert profile["languages"] == ["de-AT", "en"]
    assert profile["completeness"] == {"percent": 80, "missing": ["avatar", "skills"]}
    headers = bearer(member.tokens["accessToken"])
    assert member.http.get("/api/v1/me", headers=headers | {"if-none-match": tag}).status_code == 200
    current = member.get("/api/v1/me").headers["etag"]
    assert member.http.get("/api/v1/me", headers=headers | {"if-none-match": current}).status_code == 304
    late = member.http.patch("/api/v1/me", json={"bio": None}, headers=headers | {"if-match": tag})
    assert problem(late) == (412, "changed_meanwhile")
    assert change(member, bio=None)["bio"] is None
    assert own(member)["location"] == "Vienna, Austria"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("firstName", ""),
        ("bio", "x" * 2001),
        ("timezone", "Mars/Base"),
        ("timezone", "Berlin"),
        ("timezone", "europe/berlin"),
        ("timezone", "../etc/passwd"),
        ("timezone", 1),
        ("languages", ["klingon"]),
        ("languages", ["de_AT"]),
        ("languages", ["en-a"]),
        ("languages", ["de", "DE"]),
        ("languages", ["en"] * 13),
        ("languages", "en"),
        ("bio", "a\0b"),
        ("bio", "\u202eevil"),
        ("location", "x" * 121),
        ("lastName", "\n"),
        ("preferences", {"hours": [{"day": "monday", "start": "20:00", "end": "18:00"}]}),
        ("learningStyle", "osmosis"),
        ("privacy", {"listed": "friends", "location": "everyone", "learning": "everyone"}),
    ],
)
def test_what_is_wrong_is_named(member: Member, field: str, value: object):
    answer = member.http.patch("/api/v1/me", json={field: value}, headers=bearer(member.tokens["accessToken"]))
    assert answer.status_code == 422
    assert [one["pointer"].split("/")[1] for one in answer.json()["errors"]] == [field]


def test_the_taxonomy_is_for_everybody(http: httpx.Client):
    categories = http.get("/api/v1/skills/categories").json()["items"]
    assert len(categories) >= 12
    assert sum(category["skillCount"] for category in categories) >= 150
    music = http.get("/api/v1/skills", params={"category": "music", "q": "GUITAR"}).json()["items"]
    assert [skill["name"] for skill in music] == ["Guitar", "Bass Guitar", "Classical Guitar"]
    assert problem(http.get("/api/v1/skills", params={"category": "none"})) == (422, "invalid_fields")


def test_skills_are_added_changed_and_removed(member: Member, http: httpx.Client):
    guitar = skill_named(http, "guitar")
    answer = add_skill(member, guitar, proficiency=74, description="Fingerstyle")
    assert answer.status_code == 201
    skill = answer.json()
    assert (skill["tier"], skill["category"], skill["verified"]) == ("advanced", "music", False)
    assert problem(add_skill(member, guitar)) == (409, "skill_exists")
    assert add_skill(member, guitar, kind="learning").status_code == 201
    unknown = add_skill(member, member.user["id"])
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown_skill")
    for field, value in [
        *(("proficiency", wrong) for wrong in (-1, 101, 7.5, "7", None)),
        ("skillId", "guitar"),
        ("kind", "hobby"),
        ("description", "x" * 501),
    ]:
        refused = add_skill(member, skill_named(http, "piano"), **{field: value})
        assert problem(refused) == (422, "invalid_fields"), (field, value)
        assert [one["pointer"] for one in refused.json()["errors"]] == [f"/{field}"]
    path, headers = f"/api/v1/me/skills/{skill['id']}", bearer(member.tokens["accessToken"])
    assert http.patch(path, json={"proficiency": 75}, headers=headers).json()["tier"] == "expert"
    assert http.delete(path, headers=headers).status_code == 204
    assert problem(http.delete(path, headers=headers)) == (404, "skill_not_found")
    assert [one["kind"] for one in member.get("/api/v1/me/skills").json()["items"]] == ["learning"]


def test_of_many_who_add_one_skill_at_once_one_succeeds(member: Member, http: httpx.Client):
    guitar = skill_named(http, "guitar")
    own(member)
    with ThreadPoolExecutor(8) as pool:
        answers = [future.result().status_code for future in [pool.submit(add_skill, member, guitar) for _ in range(8)]]
    assert sorted(answers) == [201] + [409] * 7


def test_members_find_one_another(member: Member, other: Member, http: httpx.Client):
    # A word that nobody else has.
    word = f"w{time.time_ns()}"
    change(other, bio=f"I teach {word}.", location="Graz", languages=["sl"])
    add_skill(other, skill_named(http, "cello"))
    for query in (
        {"q": word},
        {"q": word, "skill": "cello", "category": "music", "minTier": "expert", "role": "provider"},
        {"q": word, "location": "GRAZ", "language": "sl", "sort": "name"},
        {"q": word, "sort": "active"},
    ):
        assert found(member, **query) == [other.user["id"]], query
    for query in ({"skill": "viola"}, {"location": "Linz"}, {"language": "de"}, {"verified": "true"}):
        assert found(member, q=word, **query) == []
    assert found(other, q=word) == []

    public = member.get(f"/api/v1/users/{other.user['id']}").json()
    assert (public["location"], public["isProvider"], public["rating"]) == ("Graz", True, {"average": None, "count": 0})
    assert "email" not in public and "privacy" not in public
    change(other, privacy={"listed": "everyone", "location": "nobody", "learning": "nobody"})
    assert found(member, q=word, location="Graz") == []
    assert found(member, q=word) == [other.user["id"]]
    assert member.get(f"/api/v1/users/{other.user['id']}").json()["location"] is None
    change(other, privacy={"listed": "nobody", "location": "nobody", "learning": "nobody"})
    assert found(member, q=word) == []


def test_pages_follow_one_another(member: Member, http: httpx.Client):
    word = f"w{time.time_ns()}"
    members = [Member(http).register() for _ in range(7)]
    for one in members:
        change(one, bio=word)
    # A moment after they have asked something they seem to be there; their order by activity stands from then on.
    eventually(lambda: len(found(member, q=word, onlineStatus="online")) == len(members), "all of them are there")
    for sort in ("best", "newest", "name", "active", "rating"):
        ids = found(member, q=word, sort=sort, limit=3)
        assert sorted(ids) == sorted(one.user["id"] for one in members), sort
    assert found(member, q=word, sort="newest", limit=2) == [one.user["id"] for one in reversed(members)]
    page = http.get("/api/v1/users", params={"limit": 1}, headers=bearer(member.tokens["accessToken"])).json()
    wrong = {"limit": 1, "sort": "name", "cursor": page["nextCursor"]}
    assert http.get("/api/v1/users", params=wrong, headers=bearer(member.tokens["accessToken"])).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"skill": "no-such-skill"},
        {"skill": "Not A Slug"},
        {"category": "no-such-category"},
        {"minTier": "guru"},
        {"location": "!"},
        {"minRating": "6"},
        {"verified": "perhaps"},
        {"language": "klingon"},
        {"onlineStatus": "asleep"},
        {"activeWithin": "1w"},
        {"lastSeenWithin": "-5m"},
        {"role": "admin"},
        {"sort": "luck"},
        {"limit": "0"},
        {"limit": "101"},
        {"cursor": "none"},
        {"q": ""},
        {"q": "a\u202eb"},
    ],
)
def test_what_cannot_be_looked_for_is_named(member: Member, query: dict[str, str]):
    answer = member.http.get("/api/v1/users", params=query, headers=bearer(member.tokens["accessToken"]))
    assert problem(answer) == (422, "invalid_fields")
    # A value that may be given several times is named with its place.
    assert [one["pointer"].split("/")[0] for one in answer.json()["errors"]] == [f"?{next(iter(query))}"]


def test_a_demo_world_is_the_same_whenever_it_is_made(mesh: Mesh, member: Member):
    make = ("demo", "world", "--members", "120", "--seed", "8")
    # Made-up members have come before all others.
    latest = "019c0000-0000-7000-8000-000000000000"

    def found_of_it(**query: object) -> list[str]:
        return [one for one in found(member, q="teach", sort="name", limit=100, **query) if one < latest]

    assert mesh.run(*make).startswith("120 members of seed 8 are new")
    whole, there = found_of_it(), found_of_it(onlineStatus="online")
    assert set(there) < set(whole) and there
    assert found_of_it(role="provider")
    # A day later.
    mesh.query(f"update profiles.presences set lapses_at = now() where member_id < '{latest}'")
    eventually(lambda: not found_of_it(onlineStatus="online"), "nobody is there any more")
    assert mesh.run(*make).startswith("0 members of seed 8 are new")
    assert (found_of_it(), found_of_it(onlineStatus="online")) == (whole, there)


def test_names_and_pictures_are_the_same_everywhere(member: Member, other: Member):
    headers = bearer(member.tokens["accessToken"])
    body = {"kind": "direct", "participantIds": [other.user["id"]]}

    def shown() -> dict:
        # The conversation of a pair is always the same one.
        answer = member.http.post("/api/v1/conversations", json=body, headers=headers)
        assert answer.is_success, answer.text
        return next(one for one in answer.json()["participants"] if one["id"] == other.user["id"])

    assert (shown()["firstName"], shown()["avatarUrl"]) == ("Ada", None)
    change(other, firstName="Grace", lastName="Hopper")
    url = send(other, picture("teal")).json()["avatarUrl"]
    wanted = ("Grace", "Hopper", url)
    keys = ("firstName", "lastName", "avatarUrl")
    eventually(lambda: tuple(shown()[key] for key in keys) == wanted, "messaging shows the new name and picture")
    public = member.get(f"/api/v1/users/{other.user['id']}").json()
    assert tuple(public[key] for key in keys) == wanted


def test_what_other_services_tell_decides_who_is_found(member: Member, other: Member):
    word = f"w{time.time_ns()}"
    change(other, bio=word)
    path, them = f"/api/v1/users/{other.user['id']}", [other.user["id"]]
    headers = bearer(other.tokens["accessToken"])
    beat = other.http.post("/api/v1/user/presence", json={"deviceId": "phone", "appState": "foreground"}, headers=headers)
    assert beat.is_success, beat.text
    eventually(lambda: found(member, q=word, onlineStatus="online") == them, "who is there is found")
    assert found(member, q=word, activeWithin="5m") == them
    assert found(member, q=word, onlineStatus="offline") == []
    assert member.get(path).json()["presence"]["status"] == "online"

    hide = other.http.patch("/api/v1/users/presence/settings", json={"showOnlineStatus": "nobody"}, headers=headers)
    assert hide.is_success, hide.text
    eventually(lambda: found(member, q=word, onlineStatus="offline") == them, "who hides seems to be offline")
    assert found(member, q=word, onlineStatus="online") == found(member, q=word, activeWithin="1d") == []
    assert member.get(path).json()["presence"] == {"status": "offline", "lastActive": None}

    block = member.http.post(f"/api/v1/blocks/{other.user['id']}", headers=bearer(member.tokens["accessToken"]))
    assert block.is_success, block.text
    eventually(lambda: member.get(path).status_code == 404, "who is blocked is not shown")
    assert found(member, q=word) == []
    assert other.get(f"/api/v1/users/{member.user['id']}").status_code == 404


def picture(color: str = "red", size: str = "900x600") -> bytes:
    """A JPEG with a comment in it."""
    command = ["gm", "convert", "-size", size, f"xc:{color}", "-comment", "in-the-garden", "jpeg:-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def send(member: Member, content: bytes, kind: str = "image/jpeg") -> httpx.Response:
    headers = bearer(member.tokens["accessToken"]) | {"content-type": kind}
    return member.http.put("/api/v1/me/avatar", content=content, headers=headers)


def test_a_picture_is_made_anew_and_kept_for_good(member: Member, other: Member):
    image = picture()
    assert b"in-the-garden" in image
    answer = send(member, image)
    assert answer.status_code == 200, answer.text
    avatar = answer.json()
    assert own(member)["avatarUrl"] == avatar["avatarUrl"]
    assert other.get(f"/api/v1/users/{member.user['id']}").json()["avatarUrl"] == avatar["avatarUrl"]
    for url in avatar.values():
        # Whoever knows the address may see it.
        file = member.http.get(url)
        assert file.headers["content-type"] == "image/webp"
        assert "immutable" in file.headers["cache-control"]
        assert file.content.startswith(b"RIFF") and b"garden" not in file.content
    assert send(other, image).json() == avatar
    assert send(member, picture("blue")).json() != avatar
    headers = bearer(member.tokens["accessToken"])
    assert member.http.delete("/api/v1/me/avatar", headers=headers).status_code == 204
    assert own(member)["avatarUrl"] is None


def test_what_is_no_picture_is_refused(member: Member):
    assert send(member, b"%PDF-1.7", "application/pdf").status_code == 415
    assert problem(send(member, b"%PDF-1.7")) == (415, "unknown_image_format")
    assert problem(send(member, picture()[:300])) == (422, "broken_image")
    assert send(member, b"\xff\xd8\xff" + bytes(11 << 20)).status_code == 413
    assert own(member)["avatarUrl"] is None


def test_a_suspended_member_is_shown_to_nobody(mesh: Mesh, member: Member, other: Member):
    word = f"w{time.time_ns()}"
    change(other, bio=word)
    path = f"/api/v1/users/{other.user['id']}"
    assert member.get(path).status_code == 200
    mesh.run("admin", "suspend", other.email, "--reason", "spam")
    eventually(lambda: member.get(path).status_code == 404, "gone", within=5)
    assert problem(member.get(path)) == (404, "member_not_found")
    assert found(member, q=word) == []
    mesh.run("admin", "restore", other.user["id"])
    eventually(lambda: member.get(path).status_code == 200, "back", within=5)
    assert found(member, q=word) == [other.user["id"]]

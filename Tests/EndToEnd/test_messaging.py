"""Conversations as clients use them: who may, what is refused, what is kept secret, and what survives a crash."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.client import Member, bearer, connect, problem
from support.mesh import Mesh
from support.waiting import eventually


def call(member: Member, method: str, path: str, **others: object) -> httpx.Response:
    """Asks as a member."""
    return member.http.request(method, f"/api/v1{path}", headers=bearer(member.tokens["accessToken"]), **others)


def open_direct(one: Member, other: Member) -> dict:
    """The direct conversation of two members."""
    answer = call(one, "POST", "/conversations", json={"kind": "direct", "participantIds": [other.user["id"]]})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def open_group(one: Member, other: Member, title: str, **metadata: str) -> dict:
    """A new group of two members."""
    body = {"kind": "group", "participantIds": [other.user["id"]], "title": title, "metadata": metadata}
    answer = call(one, "POST", "/conversations", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def send(member: Member, conversation: str, body: str, **others: object) -> httpx.Response:
    message = {"clientMessageId": str(uuid.uuid4()), "body": body} | others
    return call(member, "POST", f"/conversations/{conversation}/messages", json=message)


def history(member: Member, conversation: str, **query: object) -> list[dict]:
    answer = call(member, "GET", f"/conversations/{conversation}/messages", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def whole_history(member: Member, conversation: str) -> list[dict]:
    """All messages, as a client catches up on them."""
    messages: list[dict] = []
    while page := history(member, conversation, afterSeq=len(messages), limit=100):
        messages += page
    return messages


@pytest.fixture
def other(http: httpx.Client) -> Member:
    return Member(http).register()


@pytest.fixture
def stranger(http: httpx.Client) -> Member:
    return Member(http).register()


def test_two_members_talk(member: Member, other: Member, stranger: Member):
    conversation = open_direct(member, other)
    assert open_direct(other, member)["id"] == conversation["id"]
    assert {one["firstName"] for one in conversation["participants"]} == {"Ada"}
    path = conversation["id"]

    first = send(member, path, "Hello \N{WAVING HAND SIGN}", clientMessageId="one")
    assert first.status_code == 201 and first.json()["seq"] == 1
    again = send(member, path, "ignored", clientMessageId="one")
    assert (again.status_code, again.json()) == (200, first.json())
    reply = send(other, path, "Good morning", replyTo=first.json()["id"]).json()
    assert [one["body"] for one in history(member, path)] == ["Hello \N{WAVING HAND SIGN}", "Good morning"]
    assert reply["replyTo"] == first.json()["id"]

    listed = call(member, "GET", "/conversations").json()["items"]
    assert [(one["id"], one["unread"], one["lastMessage"]["id"]) for one in listed] == [(path, 1, reply["id"])]
    assert call(member, "GET", "/me/unread").json() == {"messages": 1, "conversations": 1}
    receipt = call(member, "POST", f"/conversations/{path}/receipts", json={"readSeq": 2})
    assert (receipt.status_code, receipt.json()["unread"]) == (200, 0)

    edited = call(other, "PATCH", f"/messages/{reply['id']}", json={"body": "Good evening"}).json()
    assert (edited["body"], edited["version"]) == ("Good evening", 2)
    thumb = call(member, "PUT", f"/messages/{reply['id']}/reactions/\N{THUMBS UP SIGN}")
    assert thumb.json()["reactions"] == [{"emoji": "\N{THUMBS UP SIGN}", "memberIds": [member.user["id"]]}]
    assert call(other, "DELETE", f"/messages/{reply['id']}").status_code == 204
    assert history(member, path)[1]["body"] is None

    for method, where in [("GET", ""), ("GET", "/messages"), ("POST", "/typing"), ("POST", "/receipts")]:
        answer = call(stranger, method, f"/conversations/{path}{where}", **({"json": {}} if method == "POST" else {}))
        assert problem(answer) == (404, "conversation_not_found")
    assert call(member, "POST", f"/conversations/{path}/typing", json={}).status_code == 204


def test_bad_input_is_refused_clearly(member: Member, other: Member):
    conversation = open_direct(member, other)["id"]

    def errors(answer: httpx.Response) -> list[tuple[str, str]]:
        assert answer.status_code == 422, answer.text
        return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]

    assert errors(send(member, conversation, "")) == [("/body", "too_short")]
    assert errors(send(member, conversation, " \n ")) == [("/body", "too_short")]
    assert errors(send(member, conversation, "x" * 65_537)) == [("/body", "too_long")]
    assert send(member, conversation, "x" * 65_536).status_code == 201
    assert errors(send(member, conversation, "x", replyTo=str(uuid.uuid4()))) == [("/replyTo", "unknown")]
    assert errors(send(member, conversation, "x", clientMessageId="")) == [("/clientMessageId", "client_message_id")]
    assert errors(call(member, "POST", f"/conversations/{conversation}/messages", json={})) == [
        ("/clientMessageId", "required"),
        ("/body", "required"),
    ]
    raw = b'{"clientMessageId":"x","body":"\xff\xfe"}'
    headers = bearer(member.tokens["accessToken"]) | {"content-type": "application/json"}
    answer = member.http.post(f"/api/v1/conversations/{conversation}/messages", content=raw, headers=headers)
    assert answer.status_code == 400
    for unknown in (str(uuid.uuid4()), "nonsense"):
        assert send(member, unknown, "x").status_code == 404
    assert errors(call(member, "POST", "/conversations", json={"kind": "direct", "participantIds": []})) == [
        ("/participantIds", "count")
    ]
    nobody = {"kind": "group", "participantIds": [other.user["id"], str(uuid.uuid4())]}
    assert errors(call(member, "POST", "/conversations", json=nobody)) == [("/participantIds/1", "unknown")]


def test_blocked_members_do_not_reach_one_another(member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    assert call(member, "POST", f"/blocks/{other.user['id']}").status_code == 204
    assert problem(send(other, conversation, "x")) == (403, "blocked")
    assert problem(send(member, conversation, "x")) == (403, "blocked")
    assert [one["userId"] for one in call(member, "GET", "/blocks").json()["items"]] == [other.user["id"]]
    assert call(member, "DELETE", f"/blocks/{other.user['id']}").status_code == 204
    assert send(other, conversation, "x").status_code == 201


def test_messages_are_found_and_nothing_on_disk_can_be_read(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    marker, edited = f"marker{uuid.uuid4().hex}", f"edited{uuid.uuid4().hex}"
    message = send(member, conversation, f"the {marker} walks", mentions=[other.user["id"]]).json()

    def search(word: str) -> list[dict]:
        return call(other, "GET", "/messages/search", params={"q": word}).json()["items"]

    found = eventually(lambda: search(f"{marker.upper()} walking"), "the message is found")
    hit = found[0]
    start, length = hit["highlights"][0]["start"], hit["highlights"][0]["length"]
    assert (hit["message"]["id"], hit["excerpt"][start : start + length]) == (message["id"], marker)
    assert call(member, "PATCH", f"/messages/{message['id']}", json={"body": edited}).status_code == 200
    assert [one["message"]["body"] for one in search(edited)] == [edited]
    assert search(marker) == []

    title, renamed, kept = (f"{word}{uuid.uuid4().hex}" for word in ("title", "renamed", "kept"))
    group = open_group(member, other, title, about=kept)
    assert (group["title"], group["metadata"]) == (title, {"about": kept})
    assert call(member, "PATCH", f"/conversations/{group['id']}", json={"title": renamed}).status_code == 200
    listed = call(other, "GET", "/conversations").json()["items"]
    assert [(one["title"], one["metadata"]) for one in listed if one["id"] == group["id"]] == [(renamed, {"about": kept})]

    # Everything that the mesh keeps: tables and their logs, topics, Redis' files, logs of all processes.
    for text in (marker, edited, title, renamed, kept):
        done = subprocess.run(["grep", "-rlia", text, str(mesh.folder)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, ""), f"{text} can be read in {done.stdout}"


def test_who_floods_is_told_to_wait_and_nothing_that_was_accepted_is_lost():
    burst, at_once = 150, 6
    with Mesh(RATE_LIMIT_SCALE="1") as mesh, connect(mesh.url) as http:
        flooder, other = Member(http).register(), Member(http).register()
        conversation = open_direct(flooder, other)["id"]
        began = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            flood = pool.map(
                lambda number: send(flooder, conversation, f"flood {number}", clientMessageId=str(number)), range(burst)
            )
            # Whoever keeps to the measure does not notice.
            calm = [send(other, conversation, f"calm {number}") for number in range(5)]
            answers = list(flood)
        seconds = time.monotonic() - began
        assert [one.status_code for one in calm] == [201] * len(calm)

        accepted = {number: one.json() for number, one in enumerate(answers) if one.status_code == 201}
        refused = {number: one for number, one in enumerate(answers) if one.status_code == 429}
        assert len(accepted) + len(refused) == burst
        # The class of what sends to others: 120 a minute, which may come at once.
        assert 100 <= len(accepted) <= 121 + 2 * seconds and refused
        for answer in refused.values():
            assert problem(answer) == (429, "rate_limited")
            assert answer.headers["ratelimit-limit"] == "120"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        kept = {one["clientMessageId"]: one for one in whole_history(other, conversation) if one["body"][:5] == "flood"}
        assert kept == {str(number): message for number, message in accepted.items()}

        number, answer = next(iter(refused.items()))
        time.sleep(int(answer.headers["retry-after"]))
        again = send(flooder, conversation, f"flood {number}", clientMessageId=str(number))
        assert (again.status_code, again.json()["seq"]) == (201, len(accepted) + len(calm) + 1)


def test_a_conversation_shows_whether_the_other_is_there(member: Member, other: Member):
    conversation = open_direct(member, other)["id"]

    def presence() -> dict | None:
        shown = call(member, "GET", f"/conversations/{conversation}").json()
        return next(one["presence"] for one in shown["participants"] if one["id"] == other.user["id"])

    def is_shown_as(status: str) -> bool:
        return (presence() or {}).get("status") == status

    assert call(other, "POST", "/user/presence", json={"deviceId": "phone"}).status_code < 300
    eventually(lambda: is_shown_as("online"), "the other is online")
    assert call(other, "PATCH", "/users/presence/status", json={"status": "busy"}).status_code == 200
    eventually(lambda: is_shown_as("busy"), "the other is busy")
    hidden = call(other, "PATCH", "/users/presence/settings", json={"showOnlineStatus": "nobody"})
    assert hidden.status_code == 200
    eventually(lambda: presence() == {"status": "offline", "lastActive": None}, "the other is hidden")


def test_a_provider_is_measured(mesh: Mesh, member: Member, other: Member):
    mesh.run("admin", "provider", other.email, "on")
    path = f"/users/{other.user['id']}/response-metrics"
    assert call(member, "GET", path).json()["enoughData"] is False
    for _ in range(3):
        client = Member(member.http).register()
        conversation = open_direct(client, other)["id"]
        send(client, conversation, "May I learn?")
        send(other, conversation, "Yes")
    eventually(lambda: call(member, "GET", path).json()["responseRateText"] == "100%", "the rate")
    own = call(other, "GET", path).json()
    assert (own["samples"], own["responseRatePercent"]) == (3, 100)
    mesh.run("messaging", "recompute-metrics")
    assert call(other, "GET", path).json()["samples"] == 3
    mesh.run("admin", "provider", other.email, "off")
    assert call(member, "GET", path).status_code == 404


def test_master_keys_rotate_while_messages_flow(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    group = open_group(member, other, "Choir")["id"]
    assert send(member, conversation, "before").status_code == 201
    mesh.run("messaging", "rotate-keys")
    assert send(other, conversation, "after").status_code == 201
    assert [one["body"] for one in history(member, conversation)] == ["before", "after"]
    assert call(other, "GET", f"/conversations/{group}").json()["title"] == "Choir"
    keys = mesh.query("select distinct key_id from messaging.conversations")
    assert len(keys) == 1 and int(keys[0][0]) > 1


def test_nothing_is_lost_or_doubled_while_processes_are_killed(mesh: Mesh, member: Member, other: Member):
    conversation = open_direct(member, other)["id"]
    count = int(os.environ.get("MESSAGES", "120"))
    sent: dict[str, set[int]] = {}

    def talk(who: Member, name: str) -> None:
        with connect(mesh.url) as http:
            own = Member(http, who.email)
            own.user, own.tokens = who.user, who.tokens
            for number in range(count):
                client_id = f"{name}-{number}"

                def attempt() -> int | None:
                    # A gateway that is killed takes its connections with it.
                    try:
                        answer = send(own, conversation, f"text {client_id}", clientMessageId=client_id)
                    except httpx.TransportError:
                        return None
                    return answer.json()["seq"] if answer.status_code in (200, 201) else None

                sent.setdefault(client_id, set()).add(eventually(attempt, f"{client_id} is accepted"))

    talkers = [threading.Thread(target=talk, args=(who, name)) for who, name in ((member, "a"), (other, "b"))]
    for talker in talkers:
        talker.start()
    for service in ("messaging", "gateway", "messaging", "broker"):
        process = mesh.kill(service)
        mesh.wait_until_replaced(service, process)
    for talker in talkers:
        talker.join()
    messages = eventually(lambda: whole_history(member, conversation), "the history")
    assert [one["seq"] for one in messages] == list(range(1, 2 * count + 1))
    assert sorted(one["clientMessageId"] for one in messages) == sorted(sent)
    assert all(sent[one["clientMessageId"]] == {one["seq"]} for one in messages)
    assert messages == whole_history(other, conversation)

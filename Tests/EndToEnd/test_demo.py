"""What newcomers see first: a journey that is told, and what it leaves behind."""

from __future__ import annotations

import re
import subprocess
import uuid
from pathlib import Path

import pytest
from websockets.sync.client import connect as open_socket

from support.client import Member, bearer, connect
from support.mesh import Mesh, program
from support.pusher import Socket
from support.socketio_client import SocketIOClient
from support.waiting import eventually
from test_messaging import call, open_direct, send

SERVICES = {"gateway", "identity", "messaging", "presence", "profiles"}


def mesh_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program(), *arguments], cwd=folder, capture_output=True, text=True, timeout=180)


def summary(output: str) -> list[tuple[str, set[str]]]:
    """The trace of each step, and the services that took part."""
    rows = re.findall(r"^ *\d+ +.+ ([0-9a-f]{32}) +(.+)$", output, re.MULTILINE)
    return [(trace, set(re.findall(r"([a-z]+) \d+", services))) for trace, services in rows]


def test_the_journey_succeeds_again_and_again(mesh: Mesh):
    for _ in range(2):
        done = mesh_command(mesh.folder, "demo")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        # Nobody's terminal: no colours.
        assert "\x1b" not in done.stdout
        steps = re.findall(r"^ *(\d+)  \S", done.stdout, re.MULTILINE)
        assert steps[:14] == [str(number) for number in range(1, 15)]
        assert done.stdout.count("\n     ok  ") == 14
        traces = summary(done.stdout)
        assert len(traces) == 14
        assert set.union(*(services for _, services in traces)) == SERVICES
    # The texts that were sent stand in no file.
    for text in ("twelve-string", "first lesson tonight", "kinder to your fingers"):
        done = subprocess.run(["grep", "-rlai", text, str(mesh.folder)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")


def test_the_journey_says_what_is_off(mesh: Mesh):
    mesh.run("scale", "gateway=0")
    try:
        done = mesh_command(mesh.folder, "demo")
    finally:
        mesh.scale("gateway", 1)
    assert done.returncode == 1
    expected = r"mesh: step 1, Mara and Jonas register: expected an answer to POST /api/v1/auth/register, got \S.*\n"
    assert re.fullmatch(expected + r"What happened: \./mesh trace [0-9a-f]{32}\n", done.stderr), done.stderr
    assert re.search(r"^     no  expected an answer", done.stdout, re.MULTILINE)


def test_the_journey_needs_a_mesh(tmp_path: Path):
    done = mesh_command(tmp_path, "demo")
    assert (done.returncode, done.stderr) == (3, "mesh: nothing runs from this folder\nStart it with ./mesh up.\n")


def test_a_message_is_followed_from_its_sender_to_a_socket(mesh: Mesh, member: Member):
    other = Member(member.http).register()
    trace = uuid.uuid4().hex
    traceparent = f"00-{trace}-00f067aa0ba902b7-01"
    headers = bearer(member.tokens["accessToken"]) | {"traceparent": traceparent}
    body = {"kind": "direct", "participantIds": [other.user["id"]]}
    conversation = member.http.post("/api/v1/conversations", json=body, headers=headers).json()["id"]
    with Socket(mesh.url) as socket:
        socket.subscribe(f"presence-conversation-{conversation}", other.tokens["accessToken"])
        answer = member.http.post(
            f"/api/v1/conversations/{conversation}/messages",
            json={"clientMessageId": "one", "body": "Hello"},
            headers=headers,
        )
        assert answer.status_code == 201
        socket.next("message.sent")

    def kinds() -> set[str]:
        done = mesh_command(mesh.folder, "trace", trace)
        return set(re.findall(r"(request|answer|event|push|socket) [a-z]+[.][a-z-]+", done.stdout))

    # The conversation is an event that others hear of; the message is told to sockets.

    eventually(lambda: kinds() == {"request", "answer", "event", "push", "socket"}, "the trace is whole")
    lines = mesh_command(mesh.folder, "trace", trace).stdout.splitlines()
    assert lines[0].startswith(f"trace {trace}: ")
    rows = [re.search(r"(\w+)/\d+ +(\w+ [a-z]+[.][a-z-]+)", line) for line in lines[3:]]
    what = [(row[1], row[2]) for row in rows if row]
    expected = [
        ("gateway", "request messaging.send-message"),
        ("messaging", "answer messaging.send-message"),
        ("gateway", "push message.sent"),
        ("gateway", "socket message.sent"),
    ]
    places = [what.index(one) for one in expected]
    assert places == sorted(places), what
    # The same by any of its names.
    for name in (trace[:12], traceparent, answer.headers["x-request-id"]):
        assert mesh_command(mesh.folder, "trace", name).stdout.splitlines()[0] == lines[0]


def test_a_socket_that_asks_for_it_is_followed_too(mesh: Mesh, member: Member):
    other = Member(member.http).register()
    conversation = open_direct(member, other)["id"]
    trace = uuid.uuid4().hex
    address = mesh.url.replace("http://", "ws://") + "/socket.io/?EIO=4&transport=websocket"
    with open_socket(address, additional_headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, proxy=None) as socket:
        socket.recv(timeout=20)
        socket.send('40{"token":"%s"}' % member.tokens["accessToken"])
        socket.recv(timeout=20)
        socket.send('421["subscribe",{"channel":"presence-conversation-%s"}]' % conversation)
        while not (answer := socket.recv(timeout=20)).startswith("431"):
            pass
        assert '"ok":true' in answer

    def shown() -> str:
        return mesh_command(mesh.folder, "trace", trace).stdout

    eventually(lambda: "socket subscribe" in shown(), "the subscription is logged")
    assert re.search(r"messaging/\d+ +answer messaging.conversation-channel", shown())


@pytest.mark.parametrize("name", ["4bf92f3577b34da6a3ce929d0e0e4736", str(uuid.uuid4())])
def test_an_unknown_trace_is_said_to_be_unknown(mesh: Mesh, name: str):
    done = mesh_command(mesh.folder, "trace", name)
    assert done.returncode == 1
    assert done.stderr.startswith("mesh: no log tells of this trace\n")


def test_what_no_client_asks_for_is_not_logged(mesh: Mesh, member: Member):
    trace = uuid.uuid4().hex
    headers = bearer(member.tokens["accessToken"]) | {"traceparent": f"00-{trace}-00f067aa0ba902b7-00"}
    assert member.http.get("/api/v1/me", headers=headers).status_code == 200
    assert member.get("/api/v1/me").status_code == 200
    assert mesh_command(mesh.folder, "trace", trace).returncode == 1


def holders(folder: Path, secrets: dict[str, str], *exceptions: str) -> dict[str, list[str]]:
    """In which files what must not be seen can be read."""
    found: dict[str, list[str]] = {}
    for name, text in secrets.items():
        command = ["grep", "-rlaF", *(f"--exclude-dir={one}" for one in exceptions), "--", text, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        if done.stdout:
            found[name] = done.stdout.split()
    return found


def test_no_secret_of_a_member_can_be_read_anywhere(mesh: Mesh):
    traceparent = f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
    with connect(mesh.url) as http:
        # Everything that happens is logged, as far as steps are.
        http.headers["traceparent"] = traceparent
        password, body = f"password {uuid.uuid4().hex}", f"body{uuid.uuid4().hex}"
        member, other = Member(http, password=password), Member(http).register()
        answer = http.post(
            "/api/v1/auth/register",
            json={"email": member.email, "password": password, "firstName": "Ada", "lastName": "Lovelace"},
        )
        assert answer.status_code == 201, answer.text
        member.user, member.tokens = answer.json()["user"], answer.json()
        mailed = member.mailed_token("")
        assert http.post("/api/v1/auth/verify-email", json={"token": mailed}).status_code == 204
        wrong = f"wrong {uuid.uuid4().hex}"
        assert member.login(wrong).status_code == 401
        later = member.refresh(member.tokens["refreshToken"]).json()
        conversation = open_direct(member, other)["id"]
        with Socket(mesh.url) as socket, SocketIOClient(mesh.url, later["accessToken"], ["websocket"]) as client:
            socket.subscribe(f"presence-conversation-{conversation}", other.tokens["accessToken"])
            assert send(member, conversation, body).status_code == 201
            assert socket.data(socket.next("message.sent"))["body"] == body
            signature = socket.authorize(f"presence-conversation-{conversation}", other.tokens["accessToken"])
            client.wait("connect")
        assert call(other, "GET", "/messages/search", params={"q": body}).status_code == 200
        assert http.get("/api/v1/me", headers=bearer(later["accessToken"] + "x")).status_code == 401
        assert http.get(f"/api/v1/me?access_token={later['accessToken']}").status_code == 401
        assert http.post("/api/v1/auth/verify-email", json={"token": mailed + "x"}).status_code == 400
        assert http.post("/api/v1/auth/logout", json={"refreshToken": later["refreshToken"]}).status_code == 204

    shown = mesh_command(mesh.folder, "trace", traceparent)
    assert shown.returncode == 0 and "identity.register" in shown.stdout
    everywhere = {"password": password, "wrong password": wrong, "message": body}
    for number, tokens in enumerate((member.tokens, later)):
        everywhere |= {f"access token {number}": tokens["accessToken"], f"refresh token {number}": tokens["refreshToken"]}
        # Who reads the signature can put the rest together.
        everywhere[f"signature {number}"] = tokens["accessToken"].rpartition(".")[2]
    assert holders(mesh.folder / ".mesh", everywhere) == {}
    # In development mails are kept in a table, to be looked at.
    limited = {"mailed token": mailed, "signature of a channel": signature.json()["auth"].rpartition(":")[2]}
    assert holders(mesh.folder / ".mesh", limited, "postgres") == {}


def test_no_secret_of_the_mesh_is_in_its_logs_or_topics(mesh: Mesh):
    secrets: dict[str, str] = {}
    for file in (mesh.folder / ".mesh" / "secrets").iterdir():
        for number, key in enumerate(file.read_text().split(",")):
            secrets[f"{file.name} {number}"] = key.rpartition(":")[2].strip()
    assert len(secrets) >= 5
    # Redis is told its password in its configuration.
    assert holders(mesh.folder / ".mesh", secrets, "secrets", "redis") == {}

"""Members who register, sign in and out, and prove who they are."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from support.client import Member, bearer, new_address, problem, registration
from support.mesh import Mesh
from support.waiting import eventually

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


def test_register_answers_with_the_account_and_tokens(http: httpx.Client):
    email = new_address()
    answer = http.post("/api/v1/auth/register", json=registration(email.upper(), unknownField=1))
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"user", "accessToken", "refreshToken", "expiresIn"}
    assert body["user"] == {
        "id": body["user"]["id"],
        "email": email,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "role": "member",
        "emailVerified": False,
    }
    assert body["expiresIn"] == 900


def test_devices_are_named_after_their_programs_and_can_be_signed_out(member: Member):
    browser = member.login(**{"user-agent": CHROME}).json()
    devices = member.get("/api/v1/me/devices").json()
    assert devices["nextCursor"] is None
    assert [(one["name"], one["isCurrent"]) for one in devices["items"]] == [
        ("Chrome on Windows", False),
        ("tests", True),
    ]
    path = f"/api/v1/me/devices/{devices['items'][0]['id']}"
    other = Member(member.http).register()
    assert problem(member.http.delete(path, headers=bearer(other.tokens["accessToken"]))) == (404, "device_not_found")
    assert member.http.delete(path, headers=bearer(member.tokens["accessToken"])).status_code == 204
    assert problem(member.refresh(browser["refreshToken"])) == (401, "token_invalid")
    eventually(
        lambda: member.get("/api/v1/me/devices", browser["accessToken"]).status_code == 401,
        "the access token is refused too",
        within=5,
    )
    assert [one["name"] for one in member.get("/api/v1/me/devices").json()["items"]] == ["tests"]


def test_sign_out_ends_the_session(member: Member):
    token = member.tokens["refreshToken"]
    for _ in range(2):
        assert member.http.post("/api/v1/auth/logout", json={"refreshToken": token}).status_code == 204
    assert problem(member.refresh(token)) == (401, "token_invalid")


def test_refresh_tokens_rotate_and_an_old_one_ends_the_session(member: Member):
    first = member.tokens["refreshToken"]
    second = member.refresh(first).json()["refreshToken"]
    # The answer was lost: the same token again, within 30 s.
    assert member.refresh(first).json()["refreshToken"] == second
    third = member.refresh(second).json()
    assert len({first, second, third["refreshToken"]}) == 3
    assert member.get("/api/v1/me/devices", third["accessToken"]).status_code == 200
    # It was stolen: whoever has a newer one loses it too.
    assert problem(member.refresh(first)) == (401, "token_invalid")
    assert problem(member.refresh(third["refreshToken"])) == (401, "token_invalid")
    eventually(
        lambda: member.get("/api/v1/me/devices", third["accessToken"]).status_code == 401,
        "access tokens are refused too",
        within=5,
    )


def test_addresses_are_verified_by_mail_once(member: Member):
    token = member.mailed_token("onfirm")
    assert member.http.post("/api/v1/auth/verify-email", json={"token": token}).status_code == 204
    assert problem(member.http.post("/api/v1/auth/verify-email", json={"token": token})) == (400, "token_invalid")
    assert member.login().json()["user"]["emailVerified"] is True


def test_a_reset_password_ends_all_sessions(member: Member):
    http = member.http
    for email in (new_address(), member.email):
        assert http.post("/api/v1/auth/password/forgot", json={"email": email}).status_code == 204
    token = member.mailed_token("password")
    reset = {"token": token, "password": "another battery horse"}
    weak = http.post("/api/v1/auth/password/reset", json=reset | {"password": "password123"})
    assert (weak.status_code, weak.json()["errors"][0]["pointer"]) == (422, "/password")
    assert http.post("/api/v1/auth/password/reset", json=reset).status_code == 204
    assert problem(http.post("/api/v1/auth/password/reset", json=reset)) == (400, "token_invalid")
    assert problem(member.login()) == (401, "invalid_credentials")
    assert problem(member.refresh(member.tokens["refreshToken"])) == (401, "token_invalid")
    eventually(lambda: member.get("/api/v1/me/devices").status_code == 401, "the old token is refused", within=5)
    signed_in = member.login(reset["password"])
    assert signed_in.status_code == 200
    assert member.get("/api/v1/me/devices", signed_in.json()["accessToken"]).status_code == 200


def test_an_address_is_registered_once(mesh: Mesh, http: httpx.Client, member: Member):
    again = http.post("/api/v1/auth/register", json=registration(member.email.upper()))
    assert problem(again) == (409, "email_taken")
    email = new_address()
    with ThreadPoolExecutor(8) as pool:
        race = [pool.submit(http.post, "/api/v1/auth/register", json=registration(email)) for _ in range(8)]
        assert sorted(one.result().status_code for one in race) == [201] + [409] * 7
    assert mesh.query(f"select count(*) from identity.members where email = '{email}'") == [["1"]]


def test_whoever_guesses_at_a_password_has_to_wait(member: Member):
    guesses = 0
    while (answer := member.login("wrong battery horse")).status_code == 401:
        assert problem(answer) == (401, "invalid_credentials")
        guesses += 1
        assert guesses <= 10
    # On a slow machine a second may have passed between two of them.
    assert guesses >= 5
    # Right or wrong is not said any more.
    assert problem(answer) == problem(refused := member.login()) == (429, "too_many_attempts")
    time.sleep(int(refused.headers["retry-after"]))
    assert member.login().status_code == 200


def test_a_suspended_member_is_let_in_nowhere_until_restored(mesh: Mesh, member: Member):
    mesh.run("admin", "suspend", member.email, "--reason", "spam")
    eventually(lambda: member.get("/api/v1/me/devices").status_code == 403, "the access token is refused", within=5)
    assert problem(member.get("/api/v1/me/devices")) == (403, "account_banned")
    assert problem(member.login()) == (403, "account_banned")
    assert problem(member.login("wrong battery horse")) == (401, "invalid_credentials")
    assert problem(member.refresh(member.tokens["refreshToken"])) == (403, "account_banned")
    mesh.run("admin", "restore", member.user["id"])
    signed_in = member.login().json()
    eventually(
        lambda: member.get("/api/v1/me/devices", signed_in["accessToken"]).status_code == 200, "all is well", within=5
    )


def test_staff_carry_their_role(mesh: Mesh, http: httpx.Client):
    email = new_address()
    name = ("--first-name", "Grace", "--last-name", "Hopper")
    printed = mesh.run("admin", "create", "--email", email, *name, "--role", "admin")
    password = printed.rpartition("password: ")[2].strip()
    user = Member(http, email).login(password).json()["user"]
    assert (user["role"], user["emailVerified"]) == ("admin", True)


def test_an_unknown_address_is_refused_like_a_wrong_password(http: httpx.Client, member: Member):
    told = []
    for email in (member.email, new_address()):
        answer = http.post("/api/v1/auth/login", json={"email": email, "password": "wrong battery horse"})
        told.append({name: value for name, value in answer.json().items() if name != "requestId"})
    assert told[0] == told[1]

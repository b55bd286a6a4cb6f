"""Requests that are not as they should be, and what every answer carries."""

from __future__ import annotations

import json
import socket
import subprocess
from urllib.parse import urlsplit

import httpx
import pytest

from support.client import Member, bearer, new_address, problem, registration
from support.mesh import Mesh

REGISTER = "/api/v1/auth/register"


def test_every_wrong_field_is_named(http: httpx.Client):
    answer = http.post(REGISTER, json={"email": "nobody", "password": "short", "firstName": 7, "referralCode": ""})
    assert problem(answer) == (422, "invalid_fields")
    errors = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert errors == {
        "/email": "email",
        "/password": "too_short",
        "/firstName": "type",
        "/lastName": "required",
        "/referralCode": errors["/referralCode"],
    }
    assert all(error["detail"] for error in answer.json()["errors"])
    nothing = http.post(REGISTER, json={})
    assert [error["pointer"] for error in nothing.json()["errors"]] == ["/email", "/password", "/firstName", "/lastName"]


@pytest.mark.parametrize("body", [b"{", b'{"a":1,}', b"{} {}", b"nul", b"{'a':1}", b"[" * 100_000, b'"\x00"'])
def test_malformed_json_is_refused(http: httpx.Client, body: bytes):
    answer = http.post(REGISTER, content=body, headers={"content-type": "application/json"})
    assert problem(answer) == (400, "malformed_json")


def test_bad_utf8_is_refused(http: httpx.Client):
    answer = http.post(REGISTER, content=b'{"email":"\xff"}', headers={"content-type": "application/json"})
    assert problem(answer) == (400, "invalid_utf8")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_json_that_is_no_object_is_refused(http: httpx.Client, body: bytes):
    answer = http.post(REGISTER, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"])
def test_other_kinds_of_body_are_refused(http: httpx.Client, kind: str):
    answer = http.post(REGISTER, content=b"{}", headers={"content-type": kind})
    assert problem(answer) == (415, "unsupported_media_type")
    assert answer.headers["accept-post"] == "application/json"


def test_a_body_that_is_too_large_is_refused(http: httpx.Client):
    text = json.dumps(registration(new_address(), padding="x" * (1 << 20)))
    headers = {"content-type": "application/json"}
    assert http.post(REGISTER, content=text, headers=headers).status_code == 413
    pieces = (text[place : place + 65536].encode() for place in range(0, len(text), 65536))
    assert http.post(REGISTER, content=pieces, headers=headers).status_code == 413


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/me/devices", "/api/v1/me/devices/", "/favicon.ico"])
def test_unknown_paths_are_not_found(http: httpx.Client, path: str):
    assert problem(http.get(path)) == (404, "not_found")


@pytest.mark.parametrize("path", ["/a/../b", "/api/v1/%2e%2e/me", "/api%2fv1/me", "/a%00", "//api/v1/me/devices"])
def test_tricks_with_paths_lead_nowhere(mesh: Mesh, path: str):
    command = ["curl", "--noproxy", "*", "--path-as-is", "-s", "-o", "/dev/null", "-w", "%{http_code}", mesh.url + path]
    assert subprocess.run(command, capture_output=True, text=True, timeout=30).stdout in ("400", "404")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", REGISTER, "POST, OPTIONS"),
        ("TRACE", REGISTER, "POST, OPTIONS"),
        ("PATCH", "/api/v1/me/devices", "GET, HEAD, OPTIONS"),
        ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_told_which_there_are(http: httpx.Client, method: str, path: str, allowed: str):
    answer = http.request(method, path)
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("device", ["1", "x" * 2000, "%00", "00000000-0000-0000-0000-000000000000"])
def test_a_path_that_names_nothing_is_not_found(member: Member, device: str):
    answer = member.http.delete(f"/api/v1/me/devices/{device}", headers=bearer(member.tokens["accessToken"]))
    assert answer.status_code == (400 if device == "%00" else 404)


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
    ],
)
def test_ambiguous_http_is_refused(mesh: Mesh, http: httpx.Client, request_text: bytes, status: int):
    address = urlsplit(mesh.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as raw:
        raw.sendall(request_text)
        received = b""
        while part := raw.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode(), received
    assert b"application/problem+json" in head
    assert json.loads(body)["requestId"]
    assert http.get("/.well-known/jwks.json").status_code == 200


def test_other_sites_pages_may_ask_only_if_allowed(http: httpx.Client):
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    preflight = http.options(REGISTER, headers=asked | {"origin": "https://app.example"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert preflight.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
    assert preflight.headers["vary"] == "Origin"
    refused = http.options(REGISTER, headers=asked | {"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    problem_for_page = http.get("/api/v1/nothing", headers={"origin": "https://app.example"})
    assert problem_for_page.headers["access-control-allow-origin"] == "https://app.example"


def test_head_is_get_without_the_body(http: httpx.Client):
    for path in ("/openapi.json", "/.well-known/jwks.json"):
        whole, head = http.get(path), http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.content))
    assert http.head("/api/v1/me/devices").status_code == 401


def test_a_path_without_version_is_the_current_one(member: Member):
    assert member.get("/api/me/devices").json() == member.get("/api/v1/me/devices").json()


def test_answers_say_how_much_more_may_be_asked(http: httpx.Client):
    headers = http.get("/.well-known/jwks.json").headers
    assert int(headers["ratelimit-limit"]) > int(headers["ratelimit-remaining"]) >= 0
    assert int(headers["ratelimit-reset"]) >= 0

"""Access tokens that must not be believed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx
import jwt
import pytest

from support.client import Member, problem
from support.keys import Key, base64url
from support.mesh import Mesh
from support.waiting import eventually


@pytest.fixture(scope="module")
def key(mesh: Mesh) -> Iterator[Key]:
    """A key that gateways believe: so that one thing at a time is wrong."""
    key = Key()
    key.publish(mesh)
    yield key


@pytest.fixture
def claims(member: Member) -> dict:
    """What a good token of the member says."""
    return jwt.decode(member.tokens["accessToken"], options={"verify_signature": False})


def test_tokens_are_as_public_keys_say(http: httpx.Client, member: Member, claims: dict):
    keys = jwt.PyJWKSet.from_dict(http.get("/.well-known/jwks.json").json())
    token = member.tokens["accessToken"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    read = jwt.decode(token, key, algorithms=["EdDSA"], audience="skillmesh", issuer="skillmesh")
    assert read == claims
    assert (read["sub"], read["exp"] - read["iat"]) == (member.user["id"], 900)


def test_only_what_is_wrong_is_refused(member: Member, key: Key, claims: dict):
    eventually(
        lambda: member.get("/api/v1/me/devices", key.sign(claims)).status_code == 200, "the key is known", within=10
    )
    now = int(time.time())
    wrong = [claims | change for change in ({"aud": "other"}, {"iss": "other"}, {"nbf": now + 600}, {"role": "owner"})]
    wrong += [{name: value for name, value in claims.items() if name != left_out} for left_out in ("exp", "aud", "sub")]
    for one in wrong:
        assert problem(member.get("/api/v1/me/devices", key.sign(one))) == (401, "token_invalid"), one
    expired = key.sign(claims | {"iat": now - 2000, "exp": now - 1000})
    assert problem(member.get("/api/v1/me/devices", expired)) == (401, "token_expired")


FORGERIES: dict[str, Callable[[dict, str], str]] = {
    "wrong key": lambda claims, kid: Key().sign(claims),
    "wrong key under a known name": lambda claims, kid: Key().sign(claims, kid=kid),
    "no algorithm": lambda claims, kid: jwt.encode(claims, None, algorithm="none", headers={"kid": kid}),
    "secret instead of key": lambda claims, kid: jwt.encode(claims, kid * 2, algorithm="HS256", headers={"kid": kid}),
    "no token": lambda claims, kid: "x.y.z",
    "nothing": lambda claims, kid: ".",
    "too long": lambda claims, kid: "x" * 8000,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgeries_are_refused(member: Member, claims: dict, forgery: str):
    kid = jwt.get_unverified_header(member.tokens["accessToken"])["kid"]
    answer = member.get("/api/v1/me/devices", FORGERIES[forgery](claims, kid))
    assert problem(answer) == (401, "token_invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_changed_token_is_refused(member: Member, claims: dict):
    head, _, signature = member.tokens["accessToken"].split(".")
    body = base64url(json.dumps(claims | {"role": "admin"}).encode())
    assert problem(member.get("/api/v1/me/devices", f"{head}.{body}.{signature}")) == (401, "token_invalid")


def test_whoever_is_not_signed_in_is_told_how(http: httpx.Client):
    answer = http.get("/api/v1/me/devices")
    assert problem(answer) == (401, "not_signed_in")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert http.get("/api/v1/me/devices", headers={"authorization": "Basic eDp5"}).status_code == 401

"""Several gateways, and keys that change while they serve."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from support.client import Member, bearer, connect
from support.mesh import Mesh
from support.waiting import eventually

# So many connections do not all end at the same of two gateways.
CONNECTIONS = 16


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    """Two gateways, and a new key every three seconds."""
    with Mesh(KEY_PERIOD="3s", KEY_LEAD="1s") as mesh:
        mesh.scale("gateway", 2)
        yield mesh


@pytest.fixture
def clients(mesh: Mesh) -> Iterator[list[httpx.Client]]:
    """Clients that each keep one connection."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(mesh.url)) for _ in range(CONNECTIONS)]


def key_of(token: str) -> str:
    """The id of the key that an access token is signed with."""
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]


def test_keys_change_without_a_failed_request(clients: list[httpx.Client]):
    members = [Member(client).register() for client in clients[:4]]
    keys, requests, end = set(), 0, time.monotonic() + 10
    while time.monotonic() < end:
        for member in members:
            answer = member.refresh(member.tokens["refreshToken"])
            assert answer.status_code == 200, answer.text
            member.tokens = answer.json()
            token = member.tokens["accessToken"]
            keys.add(key_of(token))
            for client in clients:
                answer = client.get("/api/v1/me/devices", headers=bearer(token))
                assert answer.status_code == 200, answer.text
                requests += 1
    assert len(keys) >= 3
    assert requests >= CONNECTIONS * 20


def test_a_suspended_member_is_out_of_every_gateway(mesh: Mesh, clients: list[httpx.Client]):
    member = Member(clients[0]).register()
    token = member.tokens["accessToken"]

    def statuses() -> set[int]:
        return {client.get("/api/v1/me/devices", headers=bearer(token)).status_code for client in clients}

    assert statuses() == {200}
    mesh.run("admin", "suspend", member.email, "--reason", "spam")
    eventually(lambda: statuses() == {403}, "every gateway refuses the access token", within=5)
    # None lets it in again.
    for _ in range(5):
        assert statuses() == {403}

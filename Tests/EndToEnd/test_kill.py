"""Processes that are killed while they are at work."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.client import PASSWORD, connect, new_address, registration
from support.mesh import Mesh

CLIENTS = 4
# Answers that say that the outcome is unknown, or that nothing was done.
REPEAT = {409, 503, 504}


def register_through_trouble(http: httpx.Client, email: str) -> dict:
    """Registers as a careful client does: whatever happens, again with the same key until there is an answer."""
    headers = {"idempotency-key": str(uuid.uuid4())}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = http.post("/api/v1/auth/register", json=registration(email), headers=headers)
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        if answer.status_code == 201:
            return answer.json()
        assert answer.status_code in REPEAT, answer.text
        assert answer.json()["code"] != "email_taken", "it was registered twice"
        time.sleep(0.05)
    raise AssertionError(f"{email} was not registered within 60 s")


def stream(url: str, disturb: Callable[[], None]) -> dict[str, dict]:
    """Registers people from several clients at once while something is disturbed, and for a while after that."""
    over = threading.Event()
    registered: dict[str, dict] = {}

    def client() -> None:
        with connect(url) as http:
            while not over.is_set():
                email = new_address()
                registered[email] = register_through_trouble(http, email)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client) for _ in range(CLIENTS)]
        try:
            time.sleep(0.5)
            disturb()
            time.sleep(0.5)
        finally:
            over.set()
        for one in clients:
            one.result()
    return registered


@pytest.mark.parametrize("service", ["identity", "gateway"])
def test_no_registration_is_lost_or_done_twice(mesh: Mesh, service: str):
    def disturb() -> None:
        for _ in range(2):
            killed = mesh.kill(service)
            mesh.wait_until_replaced(service, killed)
            time.sleep(0.3)

    registered = stream(mesh.url, disturb)
    assert len(registered) > 2 * CLIENTS
    addresses = ",".join(f"'{email}'" for email in registered)
    rows = mesh.query(f"select email, count(*), min(id::text) from identity.members where email in ({addresses}) group by 1")
    assert {email: (count, id) for email, count, id in rows} == {
        email: ("1", answer["user"]["id"]) for email, answer in registered.items()
    }
    with connect(mesh.url) as http:
        for email, answer in list(registered.items())[:: max(1, len(registered) // 100)]:
            login = http.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
            assert login.json()["user"] == answer["user"]
            refreshed = http.post("/api/v1/auth/refresh", json={"refreshToken": answer["refreshToken"]})
            assert refreshed.status_code == 200

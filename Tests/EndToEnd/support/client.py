"""A client that checks what every answer must keep to, whatever it is about."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from support.waiting import eventually

PASSWORD = "correct battery horse"


def check_answer(response: httpx.Response) -> None:
    """The rules for every answer: security headers, and problem details (RFC 9457) for every error."""
    headers = response.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert uuid.UUID(headers["x-request-id"]).version == 7
    assert "server" not in headers
    if response.status_code < 400:
        return
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    response.read()
    if response.request.method == "HEAD":
        assert response.content == b""
        return
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["requestId"] == headers["x-request-id"]
    # What goes beyond HTTP's limits never became a request with a path.
    path = response.request.url.raw_path.decode().partition("?")[0]
    assert problem.get("instance", path) == path
    assert all(problem[name] for name in ("type", "title", "detail", "code"))


def connect(url: str) -> httpx.Client:
    """A client of the mesh at `url`."""
    hooks = {"response": [check_answer]}
    # The environment may name proxies, which are not for this machine.
    return httpx.Client(base_url=url, event_hooks=hooks, timeout=30, trust_env=False, headers={"user-agent": "tests/1"})


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return response.status_code, response.json()["code"]


def new_address() -> str:
    """An address nobody has."""
    return f"{uuid.uuid4().hex}@example.org"


def registration(email: str, **others: object) -> dict:
    """What somebody sends to register."""
    return {"email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"} | others


@dataclass
class Member:
    """Somebody who has registered, with the tokens of one sign-in."""

    http: httpx.Client
    email: str = field(default_factory=new_address)
    password: str = PASSWORD

    def register(self) -> Member:
        answer = self.http.post("/api/v1/auth/register", json=registration(self.email))
        assert answer.status_code == 201, answer.text
        self.user, self.tokens = answer.json()["user"], answer.json()
        return self

    def login(self, password: str | None = None, **headers: str) -> httpx.Response:
        body = {"email": self.email, "password": password or self.password}
        return self.http.post("/api/v1/auth/login", json=body, headers=headers)

    def refresh(self, token: str) -> httpx.Response:
        return self.http.post("/api/v1/auth/refresh", json={"refreshToken": token})

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        return self.http.get(path, headers=bearer(token or self.tokens["accessToken"]))

    def mailed_token(self, about: str) -> str:
        """The token in the newest mail about something, as soon as it is there."""

        def look() -> str | None:
            mails = self.http.get("/dev/mailbox", params={"to": self.email}).json()["items"]
            assert all(mail["to"] == self.email and datetime.fromisoformat(mail["sentAt"]) for mail in mails)
            return next((mail["token"] for mail in mails if about in mail["subject"]), None)

        return eventually(look, f"mail about {about}")


def bearer(token: str) -> dict[str, str]:
    """The header that carries an access token."""
    return {"authorization": f"Bearer {token}"}

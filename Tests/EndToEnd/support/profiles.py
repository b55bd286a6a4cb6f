"""What members do with profiles."""

from __future__ import annotations

import httpx

from support.client import Member, bearer


def own(member: Member) -> dict:
    answer = member.get("/api/v1/me")
    assert answer.status_code == 200, answer.text
    return answer.json()


def change(member: Member, **fields: object) -> dict:
    answer = member.http.patch("/api/v1/me", json=fields, headers=bearer(member.tokens["accessToken"]))
    assert answer.status_code == 200, answer.text
    return answer.json()


def add_skill(member: Member, skill: str, **fields: object) -> httpx.Response:
    body = {"skillId": skill, "kind": "teaching", "proficiency": 80} | fields
    return member.http.post("/api/v1/me/skills", json=body, headers=bearer(member.tokens["accessToken"]))


def found(member: Member, **query: object) -> list[str]:
    """The ids of those whom a search finds, page by page."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        params = query | ({"cursor": cursor} if cursor else {})
        answer = member.http.get("/api/v1/users", params=params, headers=bearer(member.tokens["accessToken"]))
        assert answer.status_code == 200, answer.text
        ids += [card["id"] for card in answer.json()["items"]]
        if (cursor := answer.json()["nextCursor"]) is None:
            return ids


def skill_named(http: httpx.Client, slug: str) -> str:
    items = http.get("/api/v1/skills", params={"q": slug.replace("-", " ")}).json()["items"]
    return next(item["id"] for item in items if item["slug"] == slug)

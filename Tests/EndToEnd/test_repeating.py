"""Requests that are sent more than once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.client import new_address, problem, registration
from support.mesh import Mesh


def post(http: httpx.Client, key: str, body: dict) -> httpx.Response:
    return http.post("/api/v1/auth/register", json=body, headers={"idempotency-key": key})


def test_the_same_key_gives_the_same_answer(http: httpx.Client):
    key, body = str(uuid.uuid4()), registration(new_address())
    answers = [post(http, key, body) for _ in range(10)]
    assert {one.status_code for one in answers} == {201}
    assert len({one.text for one in answers}) == 1


def test_refusals_are_repeated_too(http: httpx.Client):
    key, body = str(uuid.uuid4()), registration(new_address())
    assert post(http, str(uuid.uuid4()), body).status_code == 201
    assert [problem(post(http, key, body)) for _ in range(2)] == [(409, "email_taken")] * 2


def test_the_same_key_with_another_body_is_refused(http: httpx.Client):
    key = str(uuid.uuid4())
    assert post(http, key, registration(new_address())).status_code == 201
    assert problem(post(http, key, registration(new_address()))) == (422, "idempotency_key_reused")


def test_many_copies_at_once_have_one_effect(mesh: Mesh, http: httpx.Client):
    key, body = str(uuid.uuid4()), registration(new_address())
    with ThreadPoolExecutor(12) as pool:
        answers = [one.result() for one in [pool.submit(post, http, key, body) for _ in range(12)]]
    assert {one.status_code for one in answers} <= {201, 409}
    assert {one.json()["code"] for one in answers if one.status_code == 409} <= {"request_in_progress"}
    assert len({one.text for one in answers if one.status_code == 201}) == 1
    assert mesh.query(f"select count(*) from identity.members where email = '{body['email']}'") == [["1"]]


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "gr\u00fcn"])
def test_what_is_no_key_is_refused(http: httpx.Client, key: str):
    headers = {"idempotency-key": key.encode()}
    answer = http.post("/api/v1/auth/register", json=registration(new_address()), headers=headers)
    assert problem(answer) == (400, "invalid_idempotency_key")

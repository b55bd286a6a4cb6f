"""Virtual members: how they ask, and write down what came of it."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter, defaultdict, deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from harness.history import History, Item
from harness.http import Answer, Broken, Connection
from harness.load import REPEATABLE
from support.client import registration

# What members may be refused, since it follows from what others do at the same time, or from what they do not know.
REFUSALS = {
    "message": {"blocked"},
    "edit": {"blocked"},
    "reaction": {"blocked", "message_deleted"},
    "skill": {"skill_exists"},
    "leave": {"unknown_socket"},
}
# Far longer than anything is broken at a time.
PATIENCE = 120.0
# One write in so many is given up at the first trouble, so that there are unknown outcomes.
IMPATIENT = 12
# Access tokens hold for 15 minutes.
TOKEN_AGE = 600.0
# The newest messages of each conversation that members react to, and those of each member that change.
RECENT = 8


class Attempt(NamedTuple):
    """One request: what it was for, when it began, how many seconds it took, and its status; 0 without an answer."""

    kind: str
    began: float
    seconds: float
    status: int
    is_refusal: bool = False
    """Whether it was refused as it may be."""

    @property
    def is_fine(self) -> bool:
        return 0 < self.status < 400 or self.is_refusal


@dataclass
class Member:
    """Somebody with a sign-in and conversations."""

    id: str
    address: str
    access: str
    refresh: str
    signed_in: float
    connection: Connection
    conversations: list[str] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during a request: a connection carries one at a time."""
    written: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))
    """The newest messages of their own."""
    reactions: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=RECENT))
    """Messages that they reacted to, and how."""
    blocked: list[str] = field(default_factory=list)
    """Whom they have blocked."""
    skills: dict[str, str] = field(default_factory=dict)
    """The entries of the skills that they have."""
    renewal: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The key of the next renewal of the tokens; that of the last one, while its answer has not come."""


class Crowd:
    """What all members share: the mesh, the history of writes, and what was seen of it."""

    def __init__(self, url: str, history: History, dice: random.Random) -> None:
        self.url, self.history, self.dice = url, history, dice
        self.attempts: list[Attempt] = []
        self.troubles: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.newest: dict[str, int] = {}
        """Of each conversation, the highest place that a member was told of."""
        self.recent: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=RECENT))
        """Of each conversation, its newest messages."""
        self.members: list[Member] = []
        self.pairs: dict[str, tuple[str, str]] = {}
        """Of each conversation of two, who they are."""
        self.skills: dict[str, str] = {}
        """Skills of the taxonomy, by their names in addresses."""
        self.pictures: dict[str, bytes] = {}
        """Pictures by their colours."""
        self.is_patient = True
        self.over = asyncio.Event()

    def connection(self) -> Connection:
        parts = urlsplit(self.url)
        return Connection(parts.hostname, parts.port)

    def complain(self, text: str) -> None:
        """Notes that something was answered that may never be."""
        if len(self.complaints) < 100:
            self.complaints.append(text)

    # Asking

    async def ask(
        self, member: Member | None, kind: str, method: str, path: str, body: dict | bytes | None = None,
        key: str | None = None, connection: Connection | None = None,
    ) -> Answer | None:  # fmt: skip
        """One request, once; nothing if its connection broke. Bytes are a picture."""
        async with member.turn if member else nullcontext():
            if member and time.monotonic() - member.signed_in > TOKEN_AGE:
                await self._renew(member)
            began, answer = time.monotonic(), None
            try:
                way, token = connection or member.connection, member.access if member else None
                type = "image/jpeg" if isinstance(body, bytes) else "application/json"
                answer = await way.ask(method, f"/api/v1{path}", body, key, token, type)
            except Broken as error:
                self.troubles[f"{kind}: {error}"] += 1
        status = answer.status if answer else 0
        is_refusal = status >= 400 and answer.code in REFUSALS.get(kind, ())
        self.attempts.append(Attempt(kind, began, time.monotonic() - began, status, is_refusal))
        if answer and status >= 400:
            self.troubles[f"{kind}: {status} {answer.code}"] += 1
            if not is_refusal and not is_repeatable(answer):
                self.complain(f"{kind} was answered {status} {answer.body.decode(errors='replace')[:300]}")
        elif answer:
            self.acknowledged[kind] += 1
        return answer

    async def read(self, member: Member, kind: str, path: str, method: str = "GET", body: dict | None = None) -> dict | None:
        """The answer to a question, asked again until there is one; nothing if that took too long."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = await self.ask(member, kind, method, path, body)
            if answer and answer.status < 400:
                return answer.json() if answer.body else {}
            if not self.is_patient or time.monotonic() > deadline or not is_repeatable(answer):
                return None
            await asyncio.sleep(0.1)

    async def write(
        self, member: Member | None, item: Item, method: str, path: str, body: dict | bytes | None = None,
        connection: Connection | None = None, may_give_up: bool = True,
    ) -> dict | None:  # fmt: skip
        """Has something kept, and writes down what is known of it; returns the answer if it is a yes."""
        gives_up = not self.is_patient or (may_give_up and self.dice.randrange(IMPATIENT) == 0)
        deadline = time.monotonic() + (0 if gives_up else PATIENCE)
        self.history.sent(item)
        while True:
            answer = await self.ask(member, item.kind, method, path, body, item.id, connection)
            if answer and answer.status < 400:
                item.outcome = "ok"
                item.answer = answer.json() if answer.body else {}
            elif not is_repeatable(answer):
                item.outcome = "refused"
                item.answer = {"code": answer.code}
            elif time.monotonic() < deadline:
                await asyncio.sleep(0.05 + self.dice.random() * 0.1)
                continue
            self.history.ended(item)
            return item.answer if item.outcome == "ok" else None

    async def _renew(self, member: Member) -> None:
        # Another key would make it another renewal, with a token that was used before, as a thief would do it.
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = await member.connection.ask(
                    "POST", "/api/v1/auth/refresh", {"refreshToken": member.refresh}, member.renewal
                )
            except Broken:
                answer = None
            if answer and answer.status == 200:
                tokens = answer.json()
                member.access, member.refresh = tokens["accessToken"], tokens["refreshToken"]
                member.signed_in, member.renewal = time.monotonic(), str(uuid.uuid4())
                return
            if not is_repeatable(answer):
                return self.complain(f"a refresh was answered {answer.status} {answer.body[:300]!r}")
            await asyncio.sleep(0.2)

    # Before anything goes wrong, and beside it

    async def register(self, connection: Connection | None = None, may_give_up: bool = False) -> Member | None:
        """Somebody new."""
        id = str(uuid.uuid4())
        item = Item(id, "member", f"{id}@example.org")
        connection = connection or self.connection()
        answer = await self.write(
            None, item, "POST", "/auth/register", registration(item.about), connection, may_give_up
        )
        if not answer:
            return None
        return Member(
            answer["user"]["id"], item.about, answer["accessToken"], answer["refreshToken"], time.monotonic(), connection
        )

    async def converse(self, opener: Member, others: list[Member]) -> str | None:
        """Opens a conversation, which all of them then have."""
        kind = "direct" if len(others) == 1 else "group"
        body: dict = {"kind": kind, "participantIds": [other.id for other in others]}
        if kind == "group":
            body["title"] = "Circle"
        item = Item(str(uuid.uuid4()), "conversation", opener.id)
        answer = await self.write(opener, item, "POST", "/conversations", body, may_give_up=False)
        if not answer:
            return None
        for member in (opener, *others):
            member.conversations.append(answer["id"])
        if kind == "direct":
            self.pairs[answer["id"]] = (opener.id, others[0].id)
        self.learn(answer["id"], answer["lastSeq"])
        return answer["id"]

    async def look_up(self, words: list[str]) -> None:
        """Finds the skills of these names."""
        for word in words:
            found = await self.read(self.members[0], "skills", f"/skills?q={word}")
            assert found, f"the skills called {word} are not told: {self.troubles}"
            self.skills |= {one["slug"]: one["id"] for one in found["items"] if one["slug"] == word}

    def learn(self, conversation: str, seq: int, message: str | None = None) -> None:
        """Somebody was told that a conversation reaches so far, and of its newest message."""
        self.newest[conversation] = max(seq, self.newest.get(conversation, 0))
        if message:
            self.recent[conversation].append(message)


def is_repeatable(answer: Answer | None) -> bool:
    """Whether what was asked should be asked again: nobody has said yes or no."""
    if not answer:
        return True
    return answer.status in REPEATABLE and (answer.status != 409 or answer.code == "request_in_progress")

"""Virtual members: each does, at random moments, what members do, and writes down what came of it."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.history import History, Item
from harness.http import Answer, Broken, Connection
from harness.load import REPEATABLE, Attempt
from support.client import registration

# How often each thing is done, relative to the others.
WEIGHTS = {
    "message": 50,
    "history": 10,
    "receipt": 12,
    "heartbeat": 8,
    "profile": 5,
    "search": 3,
    "discover": 3,
    "conversations": 4,
    "presence": 4,
    "member": 1,
}
WORDS = ["guitar", "spanish", "knitting", "calculus", "sourdough", "violin", "sailing", "pottery"]
# Far longer than anything is broken at a time.
PATIENCE = 120.0
# One write in so many is given up at the first trouble, so that there are unknown outcomes.
IMPATIENT = 12
# Access tokens hold for 15 minutes.
TOKEN_AGE = 600.0


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
        self.members: list[Member] = []
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
        self, member: Member | None, kind: str, method: str, path: str, body: dict | None = None, key: str | None = None,
        connection: Connection | None = None,
    ) -> Answer | None:  # fmt: skip
        """One request, once; nothing if its connection broke."""
        async with member.turn if member else nullcontext():
            if member and time.monotonic() - member.signed_in > TOKEN_AGE:
                await self._renew(member)
            began, answer = time.monotonic(), None
            try:
                way = connection or member.connection
                answer = await way.ask(method, f"/api/v1{path}", body, key, member.access if member else None)
            except Broken as error:
                self.troubles[f"{kind}: {error}"] += 1
        status = answer.status if answer else 0
        self.attempts.append(Attempt(kind, began, time.monotonic() - began, status))
        if answer and status >= 400:
            self.troubles[f"{kind}: {status} {answer.code}"] += 1
            if status not in REPEATABLE or (status == 409 and answer.code != "request_in_progress"):
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
            if not self.is_patient or time.monotonic() > deadline or (answer and answer.status not in REPEATABLE):
                return None
            await asyncio.sleep(0.1)

    async def write(
        self, member: Member | None, item: Item, method: str, path: str, body: dict, connection: Connection | None = None,
        may_give_up: bool = True,
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
            elif answer and answer.status not in REPEATABLE:
                item.outcome = "refused"
            elif time.monotonic() < deadline:
                await asyncio.sleep(0.05 + self.dice.random() * 0.1)
                continue
            self.history.ended(item)
            return item.answer if item.outcome == "ok" else None

    async def _renew(self, member: Member) -> None:
        key, deadline = str(uuid.uuid4()), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = await member.connection.ask(
                    "POST", "/api/v1/auth/refresh", {"refreshToken": member.refresh}, key
                )
            except Broken:
                answer = None
            if answer and answer.status == 200:
                tokens = answer.json()
                member.access, member.refresh = tokens["accessToken"], tokens["refreshToken"]
                member.signed_in = time.monotonic()
                return
            if answer and answer.status not in REPEATABLE:
                return self.complain(f"a refresh was answered {answer.status} {answer.body[:300]!r}")
            await asyncio.sleep(0.2)

    # What members do

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
        self._learn(answer["id"], answer["lastSeq"])
        return answer["id"]

    async def live(self, member: Member, pause: float) -> None:
        """What a member does until it is over, with pauses of `pause` seconds on average."""
        dice = random.Random(self.dice.random())
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while not self.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), dice.expovariate(1 / pause))
                return
            await getattr(self, f"_{dice.choices(names, weights)[0]}")(member, dice)

    def _learn(self, conversation: str, seq: int) -> None:
        self.newest[conversation] = max(seq, self.newest.get(conversation, 0))

    async def _message(self, member: Member, dice: random.Random) -> None:
        conversation = dice.choice(member.conversations)
        item = Item(str(uuid.uuid4()), "message", conversation)
        body = {"clientMessageId": item.id, "body": f"{dice.choice(WORDS)} {item.id}"}
        if answer := await self.write(member, item, "POST", f"/conversations/{conversation}/messages", body):
            self._learn(conversation, answer["seq"])

    async def _history(self, member: Member, dice: random.Random) -> None:
        conversation = dice.choice(member.conversations)
        known = self.newest.get(conversation, 0)
        after = max(0, known - 20)
        page = await self.read(member, "history", f"/conversations/{conversation}/messages?afterSeq={after}&limit=50")
        if page is None:
            return
        places = [message["seq"] for message in page["items"]]
        if places != list(range(after + 1, after + 1 + len(places))):
            self.complain(f"a history of {conversation} after {after} has the places {places}")
        # What somebody was told is stored can be read from then on.
        if known > after + len(places) and len(places) < 50:
            self.complain(f"a history of {conversation} ends at {after + len(places)}, though {known} was acknowledged")

    async def _receipt(self, member: Member, dice: random.Random) -> None:
        conversation = dice.choice(member.conversations)
        read = self.newest.get(conversation, 0)
        item = Item(str(uuid.uuid4()), "receipt", f"{conversation} {member.id} {read}")
        answer = await self.write(member, item, "POST", f"/conversations/{conversation}/receipts", {"readSeq": read})
        if answer and answer["readSeq"] < read:
            self.complain(f"a receipt up to {read} was answered {answer}")

    async def _heartbeat(self, member: Member, dice: random.Random) -> None:
        await self.ask(member, "heartbeat", "POST", "/user/presence", {"deviceId": "phone", "appState": "foreground"})

    async def _profile(self, member: Member, dice: random.Random) -> None:
        item = Item(str(uuid.uuid4()), "profile", member.id)
        await self.write(member, item, "PATCH", "/me", {"bio": item.id})

    async def _search(self, member: Member, dice: random.Random) -> None:
        word = dice.choice(WORDS)
        if found := await self.read(member, "search", f"/messages/search?q={word}"):
            if not all(word in hit["message"]["body"] for hit in found["items"]):
                self.complain(f"a search for {word} found something else")

    async def _discover(self, member: Member, dice: random.Random) -> None:
        await self.read(member, "discover", f"/users?q=Ada&onlineStatus={dice.choice(['online', 'away'])}&limit=20")

    async def _conversations(self, member: Member, dice: random.Random) -> None:
        if listed := await self.read(member, "conversations", "/conversations"):
            missing = set(member.conversations) - {one["id"] for one in listed["items"]}
            if missing and listed["nextCursor"] is None:
                self.complain(f"the conversations {missing} are not in their member's list")

    async def _presence(self, member: Member, dice: random.Random) -> None:
        ids = [other.id for other in dice.sample(self.members, min(20, len(self.members)))]
        await self.read(member, "presence", "/users/presence/query", "POST", {"userIds": ids})

    async def _member(self, member: Member, dice: random.Random) -> None:
        connection = self.connection()
        await self.register(connection, may_give_up=True)
        connection.close()

"""What members do: each, at random moments, what comes to mind."""

from __future__ import annotations

import asyncio
import random
import uuid
from contextlib import suppress
from urllib.parse import quote

from harness.history import Item
from storm.members import Crowd, Member

# How often each thing is done, relative to the others.
WEIGHTS = {
    "message": 50,
    "edit": 8,
    "deletion": 3,
    "reaction": 10,
    "history": 10,
    "receipt": 12,
    "block": 2,
    "heartbeat": 8,
    "profile": 5,
    "skill": 5,
    "picture": 1,
    "search": 3,
    "discover": 3,
    "conversations": 4,
    "presence": 4,
    "member": 1,
}
WORDS = ["guitar", "spanish", "knitting", "calculus", "sourdough", "violin", "sailing", "pottery"]
# Those of them that the taxonomy of skills knows.
SKILLS = [word for word in WORDS if word != "sourdough"]
EMOJI = ["\N{THUMBS UP SIGN}", "\N{PARTY POPPER}", "\N{BLACK HEART SUIT}\N{VARIATION SELECTOR-16}"]
# Who has blocked somebody takes it back at one in so many of the things that they do.
FORGIVING = 3


class Life:
    """One member's. Each thing is done after the other, so that of two writes the later one holds."""

    def __init__(self, crowd: Crowd, member: Member) -> None:
        self.crowd, self.member = crowd, member
        self.dice = random.Random(crowd.dice.random())

    async def live(self, pause: float) -> None:
        """Does things until it is over, with pauses of `pause` seconds on average."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while not self.crowd.over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self.crowd.over.wait(), self.dice.expovariate(1 / pause))
                return
            if self.member.blocked and self.dice.randrange(FORGIVING) == 0:
                await self._unblock()
            else:
                await getattr(self, f"_{self.dice.choices(names, weights)[0]}")()

    # Writing to one another

    async def _message(self) -> None:
        conversation = self.dice.choice(self.member.conversations)
        item = Item(uuid.uuid4().hex, "message", conversation)
        body = {"clientMessageId": item.id, "body": self._text(item)}
        if answer := await self._write(item, "POST", f"/conversations/{conversation}/messages", body):
            self.crowd.learn(conversation, answer["seq"], answer["id"])
            self.member.written.append(answer["id"])

    async def _edit(self) -> None:
        if self.member.written:
            message, id = self.dice.choice(self.member.written), uuid.uuid4().hex
            item = Item(id, "edit", f"{message} {id}")
            await self._write(item, "PATCH", f"/messages/{message}", {"body": self._text(item)})

    async def _deletion(self) -> None:
        if self.member.written:
            message = self.dice.choice(self.member.written)
            self.member.written.remove(message)
            await self._write(Item(uuid.uuid4().hex, "deletion", f"{message} gone"), "DELETE", f"/messages/{message}")

    def _text(self, item: Item) -> str:
        """What a message says: a word that others have too, and one that nobody else has."""
        return f"{self.dice.choice(WORDS)} {item.id}"

    async def _reaction(self) -> None:
        if self.member.reactions and self.dice.randrange(3) == 0:
            message, emoji = self.dice.choice(self.member.reactions)
            self.member.reactions.remove((message, emoji))
            method, state = "DELETE", "off"
        elif recent := self.crowd.recent[self.dice.choice(self.member.conversations)]:
            message, emoji = self.dice.choice(recent), self.dice.choice(EMOJI)
            self.member.reactions.append((message, emoji))
            method, state = "PUT", "on"
        else:
            return
        item = Item(uuid.uuid4().hex, "reaction", f"{message} {emoji} {self.member.id} {state}")
        await self._write(item, method, f"/messages/{message}/reactions/{quote(emoji)}")

    async def _history(self) -> None:
        conversation = self.dice.choice(self.member.conversations)
        known = self.crowd.newest.get(conversation, 0)
        after = max(0, known - 20)
        page = await self._read("history", f"/conversations/{conversation}/messages?afterSeq={after}&limit=50")
        if page is None:
            return
        places = [message["seq"] for message in page["items"]]
        if places != list(range(after + 1, after + 1 + len(places))):
            self.crowd.complain(f"a history of {conversation} after {after} has the places {places}")
        # What somebody was told is stored can be read from then on.
        if known > after + len(places) and len(places) < 50:
            self.crowd.complain(f"a history of {conversation} ends at {after + len(places)}, though {known} was acknowledged")

    async def _receipt(self) -> None:
        conversation = self.dice.choice(self.member.conversations)
        read = self.crowd.newest.get(conversation, 0)
        item = Item(str(uuid.uuid4()), "receipt", f"{conversation} {self.member.id} {read}")
        answer = await self._write(item, "POST", f"/conversations/{conversation}/receipts", {"readSeq": read})
        if answer and answer["readSeq"] < read:
            self.crowd.complain(f"a receipt up to {read} was answered {answer}")

    async def _search(self) -> None:
        word = self.dice.choice(WORDS)
        if found := await self._read("search", f"/messages/search?q={word}"):
            if not all(word in hit["message"]["body"] for hit in found["items"]):
                self.crowd.complain(f"a search for {word} found something else")

    async def _conversations(self) -> None:
        if listed := await self._read("conversations", "/conversations"):
            missing = set(self.member.conversations) - {one["id"] for one in listed["items"]}
            if missing and listed["nextCursor"] is None:
                self.crowd.complain(f"the conversations {missing} are not in their member's list")

    async def _block(self) -> None:
        pairs = [self.crowd.pairs[one] for one in self.member.conversations if one in self.crowd.pairs]
        others = {id for pair in pairs for id in pair} - {self.member.id, *self.member.blocked}
        if others:
            other = self.dice.choice(sorted(others))
            self.member.blocked.append(other)
            item = Item(uuid.uuid4().hex, "block", f"{self.member.id} {other} on")
            await self._write(item, "POST", f"/blocks/{other}")

    async def _unblock(self) -> None:
        other = self.member.blocked.pop()
        item = Item(uuid.uuid4().hex, "block", f"{self.member.id} {other} off")
        await self._write(item, "DELETE", f"/blocks/{other}")

    # Being somebody

    async def _heartbeat(self) -> None:
        body = {"deviceId": "phone", "appState": "foreground"}
        await self.crowd.ask(self.member, "heartbeat", "POST", "/user/presence", body)

    async def _profile(self) -> None:
        id = str(uuid.uuid4())
        await self._write(Item(id, "profile", f"{self.member.id} {id}"), "PATCH", "/me", {"bio": id})

    async def _skill(self) -> None:
        name, level = self.dice.choice(list(self.crowd.skills)), self.dice.randrange(101)
        skill, id = self.crowd.skills[name], uuid.uuid4().hex
        entry = self.member.skills.get(name)
        if not entry:
            body = {"skillId": skill, "kind": "teaching", "proficiency": level}
            if answer := await self._write(Item(id, "skill", f"{self.member.id} {name} {level}"), "POST", "/me/skills", body):
                self.member.skills[name] = answer["id"]
        elif self.dice.randrange(3):
            item = Item(id, "skill", f"{self.member.id} {name} {level}")
            await self._write(item, "PATCH", f"/me/skills/{entry}", {"proficiency": level})
        else:
            # Whether it is there is known afterwards: what is unknown is not built upon.
            item = Item(id, "skill", f"{self.member.id} {name} none")
            if await self._write(item, "DELETE", f"/me/skills/{entry}", may_give_up=False) is not None:
                del self.member.skills[name]

    async def _picture(self) -> None:
        color = self.dice.choice(list(self.crowd.pictures))
        item = Item(uuid.uuid4().hex, "picture", f"{self.member.id} {color}")
        await self._write(item, "PUT", "/me/avatar", self.crowd.pictures[color])

    async def _member(self) -> None:
        connection = self.crowd.connection()
        await self.crowd.register(connection, may_give_up=True)
        connection.close()

    # Looking at others

    async def _discover(self) -> None:
        await self._read("discover", f"/users?q=Ada&onlineStatus={self.dice.choice(['online', 'away'])}&limit=20")

    async def _presence(self) -> None:
        others = self.dice.sample(self.crowd.members, min(20, len(self.crowd.members)))
        await self._read("presence", "/users/presence/query", "POST", {"userIds": [other.id for other in others]})

    # Asking

    async def _read(self, kind: str, path: str, method: str = "GET", body: dict | None = None) -> dict | None:
        return await self.crowd.read(self.member, kind, path, method, body)

    async def _write(
        self, item: Item, method: str, path: str, body: dict | bytes | None = None, may_give_up: bool = True
    ) -> dict | None:
        return await self.crowd.write(self.member, item, method, path, body, may_give_up=may_give_up)

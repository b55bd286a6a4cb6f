"""The reckoning of what members see in the end: what messages say, who is blocked, who can do what, and how they look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import httpx

from harness.history import Item
from storm.members import Member
from storm.pictures import is_of
from storm.registers import NOTHING, Times, by_thing, certain_spans, last_written
from storm.throng import Throng
from support.waiting import eventually

# How many messages of each kind are searched for.
SEARCHED = 25
PAGE = 100
SIDE_BY_SIDE = 16
# A message can be found about a second after it was sent, and a machine has much to catch up on.
FOUND_WITHIN = 60.0


class Contents:
    """Each method returns its numbers, or fails at what is not as it was told to be."""

    def __init__(self, throng: Throng, items: dict[str, list[Item]], times: Times) -> None:
        self.throng, self.crowd, self.times = throng, throng.crowd, times
        self.items = items
        self.members = {member.id: member for member in self.crowd.members}
        self.histories: dict[str, dict] = {}
        """Every message as it is in the end."""

    def _of(self, kind: str) -> list[Item]:
        return self.items.get(kind, [])

    def _last(self, kind: str) -> dict[str, set[str]]:
        return last_written(self._of(kind), self.times)

    def _all(self, work: Callable[[object], Awaitable], things: list) -> list:
        """Does something with each of the things, some at a time."""

        async def together() -> list:
            room = asyncio.Semaphore(SIDE_BY_SIDE)

            async def one(thing: object) -> object:
                async with room:
                    return await work(thing)

            return await asyncio.gather(*map(one, things))

        return self.throng.do(together())

    async def _pages(self, member: Member, path: str) -> list[dict]:
        """All items of a list."""
        items: list[dict] = []
        cursor = ""
        while True:
            page = await self.crowd.read(member, "reckoning", f"{path}{'&' if '?' in path else '?'}limit={PAGE}{cursor}")
            assert page is not None, f"{path} cannot be read: {self.crowd.troubles.most_common(3)}"
            items += page["items"]
            if not page["nextCursor"]:
                return items
            cursor = f"&cursor={quote(page['nextCursor'])}"

    # Messages

    def messages(self) -> str:
        """What all say, read by one participant of each conversation."""
        readers: dict[str, Member] = {}
        for member in self.crowd.members:
            for conversation in member.conversations:
                if conversation not in readers or self.throng.dice.randrange(2):
                    readers[conversation] = member
        self._all(self._read_history, list(readers.items()))
        edits, deletions, reactions = self._last("edit"), self._last("deletion"), self._reactions()
        wrong: list[str] = []
        for id, message in self.histories.items():
            if message["kind"] != "text":
                continue
            gone = deletions.get(id, {NOTHING})
            if message["deletedAt"]:
                is_right = "gone" in gone and message["body"] is None and not message["reactions"]
            else:
                possible = {one or message["clientMessageId"] for one in edits.get(id, {NOTHING})}
                says = message["body"].split()[-1] in possible
                is_right = NOTHING in gone and says and self._shows(message, reactions.get(id, {}))
            if not is_right:
                wrong.append(f"{message} with {edits.get(id)}, {deletions.get(id)}, {reactions.get(id)}")
        assert not wrong, f"{len(wrong)} messages are otherwise: {wrong[:2]}"
        return (
            f"{len(self._of('edit'))} edits of {len(edits)} messages, {len(self._of('deletion'))} deletions, "
            f"{len(self._of('reaction'))} reactions; {len(self.histories)} messages read"
        )

    async def _read_history(self, place: tuple[str, Member]) -> None:
        conversation, reader = place
        after = 0
        while True:
            path = f"/conversations/{conversation}/messages?afterSeq={after}&limit={PAGE}"
            page = await self.crowd.read(reader, "reckoning", path)
            assert page is not None, f"{conversation} cannot be read: {self.crowd.troubles.most_common(3)}"
            self.histories |= {message["id"]: message for message in page["items"]}
            if len(page["items"]) < PAGE:
                return
            after = page["items"][-1]["seq"]

    def _reactions(self) -> dict[str, dict[tuple[str, str], set[str]]]:
        """Of each message: emoji and member, and whether the reaction may be there."""
        found: dict[str, dict[tuple[str, str], set[str]]] = {}
        for thing, states in self._last("reaction").items():
            message, emoji, member = thing.split(" ")
            found.setdefault(message, {})[emoji, member] = states
        return found

    @staticmethod
    def _shows(message: dict, possible: dict[tuple[str, str], set[str]]) -> bool:
        """Whether it has the reactions that it should have."""
        shown = {(one["emoji"], member) for one in message["reactions"] for member in one["memberIds"]}
        are_known = all("on" in possible.get(one, ()) for one in shown)
        return are_known and all(one in shown or states != {"on"} for one, states in possible.items())

    def searches(self) -> str:
        """What messages say is found; what they do not say any more, and what was deleted, is not."""
        sent = {item.answer["id"]: item for item in self._of("message") if item.outcome == "ok"}
        edits = by_thing([item for item in self._of("edit") if item.outcome == "ok"], self.times)
        living = [id for id in sent if not self.histories[id]["deletedAt"]]
        wanted: list[tuple[str, str, bool]] = []
        for id in self._some([id for id in living if id not in edits]):
            wanted.append((id, self.histories[id]["body"].split()[-1], True))
        for id in self._some([id for id in living if id in edits]):
            wanted += [(id, self.histories[id]["body"].split()[-1], True), (id, sent[id].id, False)]
        for id in self._some([id for id in sent if self.histories[id]["deletedAt"]]):
            wanted.append((id, sent[id].id, False))

        async def is_right(one: tuple[str, str, bool]) -> bool:
            id, word, is_there = one
            reader = self.members[self.histories[id]["senderId"]]
            found = await self.crowd.read(reader, "reckoning", f"/messages/search?q={word}")
            return found is not None and [hit["message"]["id"] for hit in found["items"]] == [id] * is_there

        def wrong() -> list[tuple[str, str, bool]]:
            return [one for one, right in zip(wanted, self._all(is_right, wanted)) if not right]

        try:
            eventually(lambda: not wrong(), "searches find what is there", FOUND_WITHIN)
        except AssertionError:
            raise AssertionError(f"message, word, and whether it should be found: {wrong()[:4]}") from None
        return f"{sum(one[2] for one in wanted)} found, {sum(not one[2] for one in wanted)} rightly not"

    def _some(self, ids: list[str]) -> list[str]:
        return self.throng.dice.sample(ids, min(SEARCHED, len(ids)))

    # Blocks

    def blocks(self) -> str:
        """Who is blocked in the end, and that nobody wrote past a block meanwhile."""
        last = self._last("block")
        by_member: dict[str, dict[str, set[str]]] = {}
        for thing, states in last.items():
            member, other = thing.split(" ")
            by_member.setdefault(member, {})[other] = states

        async def is_right(member: str) -> bool:
            listed = {one["userId"] for one in await self._pages(self.members[member], "/blocks")}
            may_be = {other for other, states in by_member[member].items() if "on" in states}
            must_be = {other for other, states in by_member[member].items() if states == {"on"}}
            return must_be <= listed <= may_be

        wrong = [one for one, right in zip(by_member, self._all(is_right, list(by_member))) if not right]
        assert not wrong, f"{len(wrong)} members have blocked others than they said: {[by_member[one] for one in wrong[:3]]}"
        refused, passed = self._check_messages()
        return (
            f"{len(self._of('block'))} blocks and unblocks of {len(last)} pairs; {refused} messages refused for it, "
            f"none of {passed} came through one"
        )

    def _check_messages(self) -> tuple[int, int]:
        """Holds every message between two against their blocks; how many were refused, and were sent between two who
        blocked one another at any time."""
        writes = by_thing(self._of("block"), self.times)
        spans = {thing: certain_spans(of_thing, self.times) for thing, of_thing in writes.items()}
        refused = passed = 0
        for item in self._of("message"):
            one, other = self.crowd.pairs.get(item.about, ("", ""))
            both = [spans[thing] for thing in (f"{one} {other}", f"{other} {one}") if thing in spans]
            sent, ended = self.times[item.id]

            def throughout(values: set[str], of: list) -> bool:
                return any(span.since <= sent and ended <= span.until and span.value in values for span in of)

            if item.outcome == "ok":
                passed += bool(both)
                assert not any(throughout({"on"}, of) for of in both), f"{item} was accepted though one had blocked the other"
            elif item.outcome == "refused":
                refused += 1
                is_free = all(throughout({"off", NOTHING}, of) for of in both)
                assert not is_free, f"{item} was refused though neither had blocked the other"
        return refused, passed

    # Profiles

    def skills(self, rows: list[list[str]]) -> str:
        """Who has which skill, as it is stored (member, skill's name, proficiency), and as a newcomer finds it."""
        last = self._last("skill")
        stored = {f"{member} {name}": level for member, name, level in rows}
        self._check_skills(stored, last, "stored")
        reader = self.throng.do(self.crowd.register())
        assert reader, "a newcomer cannot register"

        async def search(name: str) -> list[tuple[str, dict]]:
            return [(name, card) for card in await self._pages(reader, f"/users?skill={name}")]

        def find() -> None:
            cards = [one for found in self._all(search, list(self.crowd.skills)) for one in found]
            found = {
                f"{card['id']} {name}": str(next(one["proficiency"] for one in card["skills"] if one["skillId"] == id))
                for name, card in cards
                for id in [self.crowd.skills[name]]
            }
            self._check_skills(found, last, "found")

        find()
        return f"{len(self._of('skill'))} changes; {len(stored)} skills stored, and found by search"

    @staticmethod
    def _check_skills(seen: dict[str, str], last: dict[str, set[str]], how: str) -> None:
        wrong = [f"{thing} {seen.get(thing)} {levels}" for thing, levels in last.items()
                 if seen.get(thing, "none") not in {one or "none" for one in levels}]  # fmt: skip
        wrong += [thing for thing in seen if thing not in last]
        assert not wrong, f"{len(wrong)} skills are {how} otherwise: {wrong[:4]}"

    def pictures(self) -> str:
        """Who shows which picture, and that it can be fetched."""
        addresses = {item.about.split(" ")[1]: item.answer for item in self._of("picture") if item.outcome == "ok"}
        last = self._last("picture")

        async def shown(member: str) -> str | None:
            profile = await self.crowd.read(self.members[member], "reckoning", "/me")
            assert profile, f"the profile of {member} cannot be read"
            return profile["avatarUrl"]

        colors = {answer["avatarUrl"]: color for color, answer in addresses.items()}
        wrong: list[str] = []
        for member, url in zip(last, self._all(shown, list(last))):
            # Of a picture that nobody was told the address of, none is known.
            color = colors.get(url, "unknown") if url else NOTHING
            if color not in last[member] and not (color == "unknown" and last[member] - set(addresses)):
                wrong.append(f"{member} {url} {color} {last[member]}")
        assert not wrong, f"{len(wrong)} members show other pictures: {wrong[:3]}"
        kept = {color for member, possible in last.items() if len(possible) == 1 for color in possible if color}
        for color in kept:
            for url in addresses[color].values():
                answer = httpx.get(self.crowd.url + url, trust_env=False, timeout=30)
                assert answer.status_code == 200, f"{url} was answered {answer.status_code} {answer.text[:200]}"
                assert is_of(color, answer.content), f"{url} is not {color}"
        return f"{len(self._of('picture'))} uploads of {len(last)} members; {len(kept)} pictures fetched in all sizes"

"""The reckoning: each promise, held against the stores and against what clients wrote down."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from harness.history import Item
from harness.operated import Operated
from harness.verdict import compare
from storm.contents import Contents
from storm.faults import SERVICES
from storm.listeners import Listener
from storm.registers import last_written
from storm.throng import Throng
from support.waiting import eventually

SCHEMAS = [service for service in SERVICES if service != "gateway"]
# How long consumers, relays and listeners have to catch up once nothing goes wrong any more.
SETTLE = 90.0
# Who is gone is offline after this (PS5, PS10), and room for a busy machine to ask.
GONE_WITHIN, ROOM = 45.0, 5.0


@dataclass
class Finding:
    """One promise: whether it was kept, and its numbers."""

    promise: str
    is_kept: bool
    numbers: str


class Verdict:
    """Finds out, promise by promise."""

    def __init__(self, mesh: Operated, throng: Throng) -> None:
        self.mesh, self.throng = mesh, throng
        self.findings: list[Finding] = []
        items = throng.history.read().values()
        self.items: dict[str, list[Item]] = {}
        for item in items:
            self.items.setdefault(item.kind, []).append(item)
        self.times = throng.history.times()
        self.contents = Contents(throng, self.items, self.times)

    def find(self, promise: str, look: Callable[[], str]) -> None:
        """Notes what `look` returns, or at what it fails: a promise that cannot be looked at is not kept."""
        try:
            self.findings.append(Finding(promise, True, look()))
        except AssertionError as error:
            self.findings.append(Finding(promise, False, str(error)[:1500]))
        except Exception as error:
            self.findings.append(Finding(promise, False, f"cannot be looked at: {error!r}"[:1500]))

    def find_all(self) -> None:
        """Everything that can be told from the stores and the histories."""
        self.find("consumers have caught up", self._lag)
        self.find("outboxes and pushes are empty", self._outboxes)
        self.find("nothing is parked or dead", self._dead)
        self.find("acknowledged ⊆ stored ⊆ acknowledged ∪ unknown", self._messages)
        self.find("... members", self._members)
        self.find("... profiles hold what was last written", self._profiles)
        self.find("... receipts never fall back", self._receipts)
        self.find("sequences have no gap", self._sequences)
        self.find("events have no gap, and all took effect", self._events)
        self.find("listeners know all, in order, each once", self._listeners)
        self.find("messages say what was last written, and what was deleted is gone", self.contents.messages)
        self.find("... nothing of it is left behind", self._traces)
        self.find("... and searches find just that", self.contents.searches)
        self.find("blocks hold", self.contents.blocks)
        self.find("... and all services know of them", self._blocks)
        self.find("skills are those last written, and are found", self._skills)
        self.find("pictures are those last shown, and can be fetched", self.contents.pictures)
        self.find("nobody was told what may not be", self._manners)
        self.find("no process crashed", self._crashes)

    # What services owe one another

    def _lag(self) -> str:
        began = time.monotonic()

        def behind() -> dict[str, int]:
            lines = self.mesh.run("topics").splitlines()[1:]
            found = re.compile(r"(\S+): (\d+)")
            return {
                f"{line.split()[0]} {group}": int(count)
                for line in lines
                for group, count in found.findall(line.split(maxsplit=3)[3])
                if int(count)
            }

        try:
            eventually(lambda: not behind(), "all groups have read everything", SETTLE)
        except AssertionError:
            raise AssertionError(f"still behind after {SETTLE:.0f} s: {behind()}") from None
        return f"all groups after {time.monotonic() - began:.1f} s"

    def _tables(self, name: str) -> list[str]:
        rows = self.mesh.query(f"select table_schema from information_schema.tables where table_name = '{name}' order by 1")
        return [row[0] for row in rows]

    def _outboxes(self) -> str:
        began = time.monotonic()
        counts = [
            f"select '{schema}.{table}', count(*) from {schema}.{table} {where}"
            for table, where in [
                ("mesh_unpublished", ""),
                ("mesh_pushes", ""),
                ("mesh_shared_state", "where version > published"),
            ]
            for schema in self._tables(table)
        ]
        sql = f"select * from ({' union all '.join(counts)}) x where count > 0"
        try:
            eventually(lambda: not self.mesh.query(sql), "they are empty", SETTLE)
        except AssertionError:
            raise AssertionError(f"left after {SETTLE:.0f} s: {self.mesh.query(sql)}") from None
        return f"{len(counts)} tables, after {time.monotonic() - began:.1f} s"

    def _dead(self) -> str:
        def dead() -> list:
            found = json.loads(self.mesh.run("dead", "--json"))
            return found["events"] + found["timers"]

        parked = " union all ".join(f"select count(*) from {schema}.mesh_parked" for schema in self._tables("mesh_parked"))

        def waiting() -> int:
            return sum(int(row[0]) for row in self.mesh.query(parked))

        try:
            eventually(lambda: not dead() and not waiting(), "none", SETTLE)
        except AssertionError:
            raise AssertionError(f"{waiting()} events wait, and dead are {dead()[:5]}") from None
        return "0 events, 0 timers"

    def _events(self) -> str:
        count = 0
        for schema in self._tables("mesh_outbox"):
            broken = self.mesh.query(
                f"select subject, count(*), max(version) from {schema}.mesh_outbox group by subject "
                "having count(*) <> max(version) or count(distinct version) <> count(*) limit 5"
            )
            assert not broken, f"the versions of {schema} have gaps: {broken}"
            count += int(self.mesh.query(f"select count(*) from {schema}.mesh_outbox")[0][0])

        def behind() -> list:
            return [
                [reader, source, *row]
                for reader in self._tables("mesh_inbox")
                for source in self._tables("mesh_versions")
                for row in self.mesh.query(
                    f"select i.subject, i.version, v.version from {reader}.mesh_inbox i join {source}.mesh_versions v "
                    f"using (subject) where i.source = '{source}' and i.version <> v.version limit 3"
                )
            ]

        # An inbox knows only those aggregates whose events its service wants, so it may be behind in versions it passed over.
        try:
            eventually(lambda: not behind(), "every event took effect", 30)
        except AssertionError:
            raise AssertionError(f"not yet taken: {behind()[:5]}") from None
        return f"{count} events"

    # What clients were told

    def _messages(self) -> str:
        rows = self.mesh.query(
            "select client_id, id, conversation_id, seq from messaging.messages where client_id is not null"
        )
        items = self.items.get("message", [])
        compare(items, Counter(row[0] for row in rows))
        places = {row[0]: tuple(row[1:]) for row in rows}
        for item in items:
            if item.outcome == "ok":
                told = (item.answer["id"], item.about, str(item.answer["seq"]))
                assert places[item.id] == told, f"{item.id} was told to be {told} and is stored as {places[item.id]}"
        counts = Counter(item.outcome for item in items)
        unknown = sum(item.outcome == "unknown" and item.id in places for item in items)
        return (
            f"messages: {len(items)} sent, {counts['ok']} acknowledged, {counts['refused']} refused, "
            f"{counts['unknown']} unknown; {len(rows)} stored, {unknown} of them unknown; none twice"
        )

    def _members(self) -> str:
        rows = self.mesh.query("select email, id from identity.members where email like '%@example.org'")
        items = self.items["member"]
        compare(items, Counter(email.partition("@")[0] for email, _ in rows))
        ids = dict(rows)
        for item in items:
            if item.outcome == "ok":
                assert ids[item.about] == item.answer["user"]["id"], f"{item.about} is stored as {ids[item.about]}"
        return f"{len(items)} registered, {sum(item.outcome == 'ok' for item in items)} acknowledged, {len(rows)} stored"

    def _profiles(self) -> str:
        rows = dict(self.mesh.query("select member_id, bio from profiles.profiles where bio is not null"))
        last = last_written(self.items.get("profile", []), self.times)
        wrong = [(member, rows.get(member), values) for member, values in last.items() if rows.get(member, "") not in values]
        assert not wrong, f"{len(wrong)} profiles hold something else: {wrong[:3]}"
        return f"{len(self.items.get('profile', []))} changes of {len(last)} profiles"

    def _receipts(self) -> str:
        rows = self.mesh.query(
            "select p.conversation_id || ' ' || p.member_id, p.read_seq, p.delivered_seq, c.last_seq "
            "from messaging.participants p join messaging.conversations c on c.id = p.conversation_id"
        )
        read = {row[0]: tuple(map(int, row[1:])) for row in rows}
        wrong = [row for row in read.items() if not row[1][0] <= row[1][1] <= row[1][2]]
        assert not wrong, f"receipts go beyond what is there: {wrong[:3]}"
        items = self.items.get("receipt", [])
        for item in items:
            place, _, seq = item.about.rpartition(" ")
            assert item.outcome != "ok" or read[place][0] >= int(seq), f"{item.about} was acknowledged; stored is {read[place]}"
        return f"{len(items)} receipts of {len(read)} participants"

    def _sequences(self) -> str:
        rows = self.mesh.query(
            "select c.id, c.last_seq, coalesce(m.count, 0), coalesce(m.low, 0), coalesce(m.high, 0) "
            "from messaging.conversations c left join (select conversation_id, count(*) as count, min(seq) as low, "
            "max(seq) as high from messaging.messages group by 1) m on m.conversation_id = c.id"
        )
        wrong = [row for row in rows if len(set(row[1:3] + row[4:])) > 1 or row[3] != str(min(1, int(row[1])))]
        assert not wrong, f"gaps in {len(wrong)} of {len(rows)}: {wrong[:3]}"
        return f"{len(rows)} conversations, the longest with {max(int(row[1]) for row in rows)} messages"

    def _traces(self) -> str:
        left = self.mesh.query(
            "select m.id from messaging.messages m where deleted_at is not null and (content is not null "
            "or exists (select from messaging.message_edits e where e.message_id = m.id) "
            "or exists (select from messaging.reactions r where r.message_id = m.id)) limit 3"
        )
        assert not left, f"of deleted messages something is kept: {left}"
        [[deleted, edits, reactions]] = self.mesh.query(
            "select (select count(*) from messaging.messages where deleted_at is not null), "
            "(select count(*) from messaging.message_edits), (select count(*) from messaging.reactions)"
        )
        return f"{deleted} deleted messages; {edits} earlier texts and {reactions} reactions of others"

    def _blocks(self) -> str:
        blocks = self.mesh.query("select member_id, blocked_id from messaging.blocks order by 1, 2")
        for table, blocker in (("presence.blocks", "blocker_id"), ("profiles.blocks", "member_id")):
            known = self.mesh.query(f"select {blocker}, blocked_id from {table} order by 1, 2")
            assert known == blocks, f"{table} has {len(known)} blocks, messaging {len(blocks)}, and not the same"
        return f"{len(blocks)} blocks"

    def _skills(self) -> str:
        return self.contents.skills(
            self.mesh.query(
                "select m.member_id, s.slug, m.proficiency from profiles.member_skills m "
                "join profiles.skills s on s.id = m.skill_id"
            )
        )

    def _manners(self) -> str:
        complaints = self.throng.crowd.complaints + self.throng.failures
        assert not complaints, f"{len(complaints)} complaints: {complaints[:4]}"
        return f"{len(self.throng.crowd.attempts)} requests"

    # What listeners heard

    def _listeners(self) -> str:
        stored: dict[str, dict[int, str]] = {}
        versions: dict[str, dict[int, int]] = {}
        rows = self.mesh.query("select conversation_id, seq, id, version from messaging.messages")
        for conversation, seq, id, version in rows:
            stored.setdefault(conversation, {})[int(seq)] = id
            versions.setdefault(conversation, {})[int(seq)] = int(version)
        living = self.throng.living

        def lacking() -> list[str]:
            """The messages that are otherwise than a listener was told, or has loaded because the mesh said that it missed
            something."""
            return [
                f"{listener.dialect} {track.conversation} {missing[:10]} of {len(known)}"
                for listener in living
                for track in listener.tracks.values()
                for known in [versions.get(track.conversation, {})]
                if (missing := [seq for seq in known if track.states.get(seq, (0, None))[0] != known[seq]])
            ]

        try:
            eventually(lambda: not lacking(), "listeners know everything", SETTLE)
        except AssertionError:
            raise AssertionError(f"{len(lacking())} were not told everything: {lacking()[:4]}") from None
        tracks = [track for listener in living for track in listener.tracks.values()]
        for listener in living:
            for track in listener.tracks.values():
                known = stored.get(track.conversation, {})
                assert known == track.fetched | track.heard, f"{listener.dialect} {track.conversation} knows other messages"
                loaded, states = dict(track.fetched), dict(track.states)
                track.fetched.clear()
                track.heard, heard = {}, track.heard
                self.throng.do(listener.load(track))
                assert track.fetched == known, f"{track.conversation} is read otherwise than it is stored"
                assert track.states == states, f"{listener.dialect} {track.conversation} was told what messages do not say"
                track.heard, track.fetched = heard, loaded
        heard = sum(len(track.heard) for track in tracks)
        missed = sum(track.missed for track in tracks)
        again = sum(track.again for track in tracks)
        reconnected = sum(listener.connections - 1 for listener in living)
        return (
            f"{len(living)} listeners, {len(tracks)} subscriptions, {heard} messages heard; {reconnected} reconnections, "
            f"{missed} times told to load, {again} told again by a Redis without memory"
        )

    def _crashes(self) -> str:
        log = (self.mesh.folder / ".mesh/logs/supervisor.log").read_text(errors="replace")
        ends = Counter(re.findall(r"(\S+) ended with ([^;]+);", log))
        bad = {f"{name}: {how}": count for (name, how), count in ends.items() if re.search(r"signal (?!9 )", how)}
        assert not bad, f"{bad}"
        odd = {f"{name}: {how}": count for (name, how), count in ends.items() if "signal 9" not in how}
        killed = sum(count for (_, how), count in ends.items() if "signal 9" in how)
        return f"{killed} ends by kill" + (f"; others: {odd}" if odd else ", no other")

    # What takes time

    def find_presence(self, watcher: Listener, dead: list[Listener], died: float) -> None:
        """Watches until everybody who lives is online and everybody else offline."""
        self.find("presence is right 45 s after clients and a gateway died", lambda: self._presence(watcher, dead, died))

    def _presence(self, watcher: Listener, fresh: list[Listener], died: float) -> str:
        ids = [listener.member.id for listener in self.throng.listeners]
        dead = {listener.member.id for listener in self.throng.dead}
        gone: float | None = None
        wrong: dict[str, str] = {}
        while True:
            statuses = self._statuses(watcher, ids)
            now = time.monotonic() - died
            wrong = {id: status for id, status in statuses.items() if (status == "offline") != (id in dead)}
            if gone is None and all(statuses.get(listener.member.id) == "offline" for listener in fresh):
                gone = now
            if (gone is not None and not wrong and len(statuses) == len(ids)) or now > GONE_WITHIN + ROOM:
                break
            time.sleep(0.5)
        ghosts = [id for id in wrong if id in dead]
        assert not wrong and gone is not None, (
            f"after {now:.0f} s {len(ghosts)} dead are shown ({[wrong[id] for id in ghosts][:3]}), "
            f"{len(wrong) - len(ghosts)} living are offline"
        )
        return f"{len(ids) - len(dead)} online, {len(dead)} offline; the last was gone after {gone:.1f} s"

    def _statuses(self, watcher: Listener, ids: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(ids), 200):
            body = {"userIds": ids[start : start + 200]}
            answer = self.throng.do(
                self.throng.crowd.read(watcher.member, "presence", "/users/presence/query", "POST", body)
            )
            found |= {one["userId"]: one["status"] for one in (answer or {"items": []})["items"]}
        return found

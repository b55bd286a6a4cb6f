"""What may be stored where one writer sets the same thing again and again, of which some outcomes are unknown.

Such a write is about `thing value`; the thing is the same in all that replace one another.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from harness.history import Item

Times = dict[str, tuple[float, float]]

# What a thing is before anything was written.
NOTHING = ""
# A write whose outcome is unknown takes no effect any more after so many seconds.
LATE = 30.0


class Span(NamedTuple):
    """A time in which something certainly had a value."""

    since: float
    until: float
    value: str


def by_thing(items: list[Item], times: Times) -> dict[str, list[tuple[str, Item]]]:
    """All writes, each with its value, in the order in which they were sent."""
    found: dict[str, list[tuple[str, Item]]] = defaultdict(list)
    for item in sorted(items, key=lambda item: times[item.id]):
        thing, _, value = item.about.rpartition(" ")
        found[thing].append((value, item))
    return found


def last_written(items: list[Item], times: Times) -> dict[str, set[str]]:
    """Each thing's possible values in the end."""
    found: dict[str, set[str]] = {}
    for thing, writes in by_thing(items, times).items():
        certain, doubtful = NOTHING, dict[str, float]()
        for value, item in writes:
            sent, ended = times[item.id]
            if item.outcome == "ok":
                # What nobody knows of may still have come after it, for a while.
                certain, doubtful = value, {one: until for one, until in doubtful.items() if until > sent}
            elif item.outcome == "unknown":
                doubtful[value] = ended + LATE
        found[thing] = {certain, *doubtful}
    return found


def certain_spans(writes: list[tuple[str, Item]], times: Times) -> list[Span]:
    """When one thing certainly had which value, from its first moment on."""
    spans: list[Span] = []
    value, since, doubt = NOTHING, float("-inf"), float("-inf")
    for next_value, item in writes:
        sent, ended = times[item.id]
        if since < sent:
            spans.append(Span(since, sent, value))
        if item.outcome == "ok":
            value, since = next_value, max(ended, doubt)
        elif item.outcome == "unknown":
            since, doubt = float("inf"), ended + LATE
        else:
            since = max(since, ended)
    return [*spans, Span(since, float("inf"), value)]

"""Very many clients that lose their gateway all at once, and come back."""

from __future__ import annotations

import threading

from harness.crowd import Crowd
from harness.report import REPORT
from harness.world import World

CLIENTS = 500
MANY_CLIENTS = 5000
# What a gateway may need for each client, at the worst moment, beside what it needs without any.
MEMORY_OF_A_CLIENT = 32 << 10
MEMORY_OF_A_GATEWAY = 32 << 20


class MemoryWatch:
    """The most memory that any gateway had, from `with` to the end of its block."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.3):
            for one in self.world.status()["services"]:
                if one["service"] == "gateway" and one["pid"] is not None:
                    try:
                        self.most = max(self.most, self.world.anonymous_memory(one["pid"]))
                    except (OSError, StopIteration):
                        pass  # It has just died.


def test_all_clients_lose_their_gateway_at_once(world: World, is_long: bool):
    count = MANY_CLIENTS if is_long else CLIENTS
    world.scale("gateway", 1)
    with Crowd(world.url, count, notes_each_second=20) as crowd:
        crowd.wait_until_in()
        crowd.start_notes()
        # Where all can go; the one that dies is started again too.
        world.scale("gateway", 2)
        before = crowd.samples[-1].at
        with MemoryWatch(world) as memory:
            killed = world.kill("gateway")
            back = crowd.wait_until_in(times=2)
            world.wait_until_replaced("gateway", killed)
        crowd.finish_notes()
        crowd.wait_until_heard()
        counts = crowd.counts
    REPORT.append(f"{count} clients lose their gateway at once")
    REPORT.append(f"    all back after {back - before:.1f} s; no gateway had more than {memory.most / 1e6:.0f} MB")
    REPORT.append(f"    notes: {sum(crowd.pinned.values())}; refused: {dict(crowd.troubles())}")
    REPORT.extend(crowd.course(before, back))
    # Whoever comes back goes on where it was: nothing is missed, and nothing comes twice or out of order.
    assert (counts["skipped"], counts["repeated"], counts["missed"]) == (0, 0, 0), counts
    # Nobody comes back in vain, so nobody has to try again and again.
    assert counts["tried"] <= 2.5 * count, (counts, crowd.troubles())
    # A gateway's members are missed after 20 s; whoever was back by then was never away for the others.
    assert back - before > 20 or counts["left"] == 0, counts
    assert memory.most < MEMORY_OF_A_GATEWAY + count * MEMORY_OF_A_CLIENT

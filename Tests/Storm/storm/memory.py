"""How much memory each service takes: before the storm, at most, and after it."""

from __future__ import annotations

import json
import threading

from harness.operated import Operated

EVERY = 3.0
# What allocators keep of what trouble once took. A leak under a storm's load grows beyond it.
ROOM = 24 << 20


class MemoryWatch:
    """Looks at all services again and again, from `with` to its end. Figures are bytes of RssAnon, of the largest replica."""

    def __init__(self, mesh: Operated) -> None:
        self._mesh = mesh
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory")
        self.before: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.after: dict[str, int] = {}

    def __enter__(self) -> MemoryWatch:
        self.before = self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def end(self) -> None:
        """Notes what is taken now that all is over."""
        self.after = self._look()

    def check(self) -> str:
        grown = {
            name: f"{self.before.get(name, 0) >> 20} to {now >> 20} MiB"
            for name, now in self.after.items()
            if now > self.before.get(name, 0) + ROOM
        }
        assert not grown, f"grew: {grown}; at most {self.most}"
        return "; ".join(
            f"{name} {self.before.get(name, 0) / (1 << 20):.0f} → {self.most.get(name, 0) / (1 << 20):.0f} → "
            f"{now / (1 << 20):.0f}"
            for name, now in sorted(self.after.items())
        ) + " MiB before, at most, after"

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            for name, size in self._look().items():
                self.most[name] = max(size, self.most.get(name, 0))

    def _look(self) -> dict[str, int]:
        found: dict[str, int] = {}
        try:
            status = self._mesh.status()
        except (json.JSONDecodeError, OSError):
            return found  # the supervisor is being started
        for one in status["services"]:
            found[one["service"]] = max(found.get(one["service"], 0), one["rssAnonBytes"] or 0)
        return found

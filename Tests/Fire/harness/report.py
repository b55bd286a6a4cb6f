"""What clients saw of each fault: shown when the tests are over, and the source of the table in docs/RELIABILITY.md."""

from __future__ import annotations

from harness.load import Load

REPORT: list[str] = []


def note(fault: str, load: Load) -> None:
    """Notes what clients saw of a fault, under its name."""
    REPORT.append(fault)
    for kind in ("note", "member", "ping", "page"):
        if statuses := load.statuses(kind):
            counts = ", ".join(f"{count} × {status or 'cut'}" for status, count in sorted(statuses.items()))
            wait = f"; longest wait {load.longest_wait(kind):.1f} s" if load.waits[kind] else ""
            rest = f"longest silence {load.longest_silence(kind):.1f} s; p99 {load.percentile(kind, 0.99) * 1000:.0f} ms"
            REPORT.append(f"    {kind}: {counts}{wait}; {rest}")

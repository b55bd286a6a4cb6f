"""`./mesh storm`: see `run`."""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import sys
import textwrap
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

from harness.network import open_loopback
from harness.operated import Operated
from storm.deeds import WEIGHTS
from storm.faults import REPLICAS, SERVICES, Hand, Step, script
from storm.memory import MemoryWatch
from storm.throng import Throng
from storm.verdict import Verdict
from support.mesh import ROOT
from support.waiting import eventually

WARM_UP = 5.0
# After each step so many more messages have to be acknowledged, within this.
PROGRESS, PROGRESS_WITHIN = 15, 90.0
# The last load, in which nothing may fail.
CLEAN = 10.0
# A storm that is shorter leaves out what takes 45 s in itself.
WITH_PRESENCE = 1.5
# What members ask, and leave to subscribe.
KINDS = [*WEIGHTS, "leave"]


def say(text: str) -> None:
    print(text, flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mesh storm", description="A whole mesh under load while its parts die.")
    parser.add_argument("--minutes", type=float, default=10, help="how long things go wrong; 10")
    parser.add_argument("--seed", type=int, help="repeats a script of faults; drawn anew, and printed, without it")
    parser.add_argument("--members", type=int, default=2000, help="how many members there are; 2000")
    parser.add_argument("--rate", type=float, default=80, help="how many things all of them do a second; 80")
    parser.add_argument("--script", action="store_true", help="only print what would go wrong")
    parser.add_argument("--cuts", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1 << 32)
    if chosen.minutes <= 0 or chosen.members < 12 or chosen.rate <= 0:
        parser.error("minutes and rate have to be above 0, members at least 12")
    return chosen


def known_everywhere(mesh: Operated, count: int) -> bool:
    """Whether the services that keep members of their own know all of them."""
    tables = ("identity.members", "messaging.members", "presence.members", "profiles.profiles")
    return all(int(mesh.query(f"select count(*) from {table}")[0][0]) >= count for table in tables)


def storm(mesh: Operated, throng: Throng, steps: list[Step], seconds: float, took: list[tuple[Step, float]]) -> None:
    """Plays the script until it or the time is over. `took` gets each step, with the seconds until messages were
    acknowledged again."""
    hand = Hand(mesh, throng.abandon)
    began = time.monotonic()
    for number, step in enumerate(steps, 1):
        # A machine with much other work recovers more slowly than the script was planned with.
        if time.monotonic() > began + seconds:
            break
        eventually(lambda: mesh.are_processes_ready, f"everything is ready before: {step}", PROGRESS_WITHIN)
        hand.strike(step)
        over = time.monotonic()
        wanted = throng.crowd.acknowledged["message"] + PROGRESS
        eventually(
            lambda: throng.failures or throng.crowd.acknowledged["message"] >= wanted,
            f"messages are acknowledged after: {step}; {throng.crowd.troubles.most_common(4)}", PROGRESS_WITHIN,
        )  # fmt: skip
        took.append((step, time.monotonic() - over))
        say(f"{time.monotonic() - began:6.1f} s  {number:3d}/{len(steps)}  {step}; serves {took[-1][1]:.1f} s later")
        time.sleep(step.calm)


def folded(text: str, first: str, rest: str | None = None) -> list[str]:
    """The text in lines of a page's width, which begin with `first` and then with `rest`."""
    return textwrap.wrap(text, 120, initial_indent=first, subsequent_indent=first if rest is None else rest)


def page(chosen: argparse.Namespace, throng: Throng, took: list[tuple[Step, float]], verdict: Verdict, seconds: float) -> str:
    """One page of results."""
    blows = Counter(f"{blow.kind} {blow.target.partition('.')[0]}" for step, _ in took for blow in step.blows)
    crowd = throng.crowd
    program = Path(os.environ.get("MESH_BINARY", ".build/debug/mesh"))
    lines = [
        f"Storm of {chosen.minutes:g} minutes, seed {chosen.seed}: {len(took)} steps, {sum(blows.values())} faults, "
        f"{len(crowd.members)} members, {len(throng.listeners)} of them listening; {seconds:.0f} s in all",
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}, "
        f"Linux {platform.release()}, {'debug' if 'debug' in program.parts else 'release'} build, "
        f"{'with' if chosen.cuts else 'without (not root)'} cut networks",
        "",
        "Faults",
        *folded(", ".join(f"{name}\u00a0×\u00a0{count}" for name, count in sorted(blows.items())), "  "),
        "  longest until messages were acknowledged again: "
        + "{1:.1f} s, after: {0}".format(*max(took, key=lambda one: one[1], default=("nothing", 0))),
        "",
        "Requests         ok  refused      409      503      504      cut    other   longest without one",
    ]
    for kind in KINDS:
        attempts = [one for one in crowd.attempts if one.kind == kind]
        if not attempts:
            continue
        statuses = Counter(one.status for one in attempts if not one.is_fine)
        refused = sum(one.is_refusal for one in attempts)
        fine = sum(one.is_fine for one in attempts) - refused
        told = [fine, refused, statuses[409], statuses[503], statuses[504], statuses[0]]
        other = len(attempts) - sum(told)
        counts = "".join(f"{count:>6}   " for count in [*told, other])
        # Leave to subscribe is asked for only now and then.
        lines.append(f"  {kind:<13}{counts}" + (f"{throng.silence(kind):>8.1f} s" if kind in WEIGHTS else ""))
    lines += ["", "Promises"]
    for finding in verdict.findings:
        lines += folded(f"{'kept  ' if finding.is_kept else 'BROKEN'}  {finding.promise}: {finding.numbers}", "  ", " " * 10)
    broken = sum(not finding.is_kept for finding in verdict.findings)
    lines += ["", f"{broken} of {len(verdict.findings)} promises were broken" if broken else "Every promise was kept."]
    return "\n".join(lines)


def main() -> int:
    chosen = options()
    steps = script(chosen.seed, chosen.minutes, chosen.cuts)
    say(f"seed {chosen.seed}: {len(steps)} steps in {chosen.minutes:g} minutes")
    if chosen.script:
        for step in steps:
            say(f"  {step}")
        return 0
    if chosen.cuts:
        open_loopback()
    kept = ROOT / f".mesh/storm/seed-{chosen.seed}"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    began = time.monotonic()
    dice = random.Random(f"members {chosen.seed}")
    with Operated() as mesh:
        mesh.run("scale", *(f"{name}={REPLICAS}" for name in SERVICES))
        eventually(lambda: mesh.are_processes_ready, "everything is ready", 90)
        try:
            with Throng(mesh.url, kept, dice) as throng:
                throng.register(chosen.members)
                eventually(lambda: known_everywhere(mesh, chosen.members), "all members are known everywhere", 90)
                throng.acquaint()
                throng.prepare()
                throng.listen()
                say(f"{time.monotonic() - began:6.1f} s  {chosen.members} members, {len(throng.listeners)} listen")
                throng.act(chosen.rate)
                time.sleep(WARM_UP)
                with MemoryWatch(mesh) as watch:
                    failure, took = "", []
                    try:
                        storm(mesh, throng, steps, chosen.minutes * 60, took)
                    except Exception as error:
                        # What came of it is looked at all the same.
                        failure = str(error) if isinstance(error, AssertionError) else repr(error)
                    text = reckon(mesh, throng, chosen, took, watch, failure, began)
        finally:
            shutil.copytree(mesh.folder / ".mesh/logs", kept / "logs")
    (kept / "page.txt").write_text(text[0] + "\n")
    say("\n" + text[0])
    return 0 if text[1] else 1


def reckon(
    mesh: Operated, throng: Throng, chosen: argparse.Namespace, took: list[tuple[Step, float]], watch: MemoryWatch,
    failure: str, began: float,
) -> tuple[str, bool]:  # fmt: skip
    """Waits until all has settled, and finds out what was kept."""

    def recovered() -> str:
        assert not failure, failure
        eventually(lambda: mesh.are_processes_ready, "everything is ready again", 90)
        return f"{len(took)} steps"

    def listening() -> str:
        eventually(lambda: all(one.is_listening for one in throng.living), "everybody listens again", 60)
        return f"{len(throng.living)} listeners"

    def clean() -> str:
        since = time.monotonic()
        throng.act(chosen.rate, is_patient=False)
        time.sleep(CLEAN)
        throng.rest()
        failed = throng.failed(since)
        count = sum(one.began >= since for one in throng.crowd.attempts)
        assert not failed, f"{len(failed)} of {count} failed: {Counter((one.kind, one.status) for one in failed)}"
        return f"{count} requests, none failed"

    throng.rest()
    say(f"{time.monotonic() - began:6.1f} s  the faults are over")
    verdict = Verdict(mesh, throng)
    verdict.find("serves again after each step", recovered)
    verdict.find("all who listened listen again", listening)
    if chosen.minutes >= WITH_PRESENCE:
        mesh.signal("gateway.1", 9)
        fresh, died = throng.abandon(max(1, len(throng.living) // 3)), time.monotonic()
        verdict.find_presence(throng.living[0], fresh, died)
    verdict.find_all()
    verdict.find("a load without faults then succeeds", clean)
    watch.end()
    verdict.find("memory is flat", watch.check)
    text = page(chosen, throng, took, verdict, time.monotonic() - began)
    return text, all(finding.is_kept for finding in verdict.findings)


sys.exit(main())

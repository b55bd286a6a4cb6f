"""Disks that are full or fail: what cannot be kept is not acknowledged. The broker's part is
`Tests/Conformance/broker/test_disk.py`; here it is PostgreSQL's."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.report import note
from harness.verdict import check
from harness.world import World
from support.waiting import eventually

pytestmark = pytest.mark.long

# What clients are told while the database cannot keep anything.
TROUBLE = {503, 504}


@pytest.fixture
def small_disk(world: World, tmp_path: Path) -> Iterator[Path]:
    """A file system of its own for PostgreSQL's log of changes. The rest of its data stays where it is."""
    image, place = tmp_path / "disk.img", world.folder / "disk"
    log = world.folder / ".mesh/postgres/pg_wal"
    place.mkdir()
    with open(image, "wb") as file:
        file.truncate(2 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        place.chmod(0o755)
        world.run("down")
        shutil.move(log, log.with_name("pg_wal.aside"))
        subprocess.run(["cp", "-a", log.with_name("pg_wal.aside"), place / "pg_wal"], check=True)
        log.symlink_to(place / "pg_wal")
        world.run("up", "--detach")
        world.wait_until_ready()
        yield place
    finally:
        world.run("down")
        log.unlink()
        shutil.rmtree(log.with_name("pg_wal.aside"))
        subprocess.run(["cp", "-a", place / "pg_wal", log], check=True)
        subprocess.run(["umount", place], check=True)
        place.rmdir()
        world.run("up", "--detach")


def fill(disk: Path) -> Path:
    """Takes all room that is left on a disk; returns what takes it."""
    filler, size, step = disk / "filler", 0, 1 << 30
    with open(filler, "wb") as file:
        while step >= 4096:
            try:
                os.posix_fallocate(file.fileno(), size, step)
                size += step
            except OSError:
                step //= 2
    return filler


def test_a_full_disk_under_the_database(world: World, small_disk: Path, start_load):
    with start_load() as load:
        load.go_on()
        filler = fill(small_disk)

        def is_refusing() -> bool:
            # The log is made of files of 16 MB; those that are there already are used up first.
            with suppress(subprocess.CalledProcessError):
                world.query("select pg_switch_wal()")
            return bool(TROUBLE & load.statuses("note").keys())

        eventually(is_refusing, "writes are refused", 120)
        time.sleep(3)
        filler.unlink()
        load.go_on(within=120)
        load.go_on("member", 5)
    load.check_manners()
    note("PostgreSQL's disk full", load)
    check(world, load)


def test_failing_flushes_under_the_database(world: World, start_load):
    flushes = "fsync,fdatasync,sync_file_range"
    with start_load() as load:
        load.go_on()
        server = world.pid("postgres")
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={flushes}", "-e", f"inject={flushes}:error=EIO"]
        # The fault is in every process that is started from now on, also by the supervisor when PostgreSQL has given up.
        fault = subprocess.Popen([*command, "-p", str(world.supervisor), "-p", str(server)])
        try:
            eventually(lambda: "TracerPid:\t0\n" not in Path(f"/proc/{server}/status").read_text(), "strace is there")
            with suppress(subprocess.CalledProcessError):  # it may have given up already
                world.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'notes'")
            # PostgreSQL does not trust a disk that has failed to flush: it ends, and recovers from its log.
            eventually(lambda: TROUBLE & load.statuses("note").keys(), "writes are refused", 120)
            time.sleep(3)
            acknowledged = load.acknowledged["note"]
            time.sleep(3)
            assert load.acknowledged["note"] == acknowledged, "acknowledged without a flush"
        finally:
            # Its end ends the fault, and leaves what it has looked into running.
            fault.kill()
            fault.wait()
        load.go_on(within=120)
        load.go_on("member", 5)
    load.check_manners()
    note("flushes of PostgreSQL's disk fail", load)
    check(world, load)

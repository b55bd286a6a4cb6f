"""The script `mesh` itself, with programs in the place of what it builds."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "mesh"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(SCRIPT, folder / "mesh")
    return subprocess.run([folder / "mesh", *arguments], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("configuration", ["release", "debug"])
def test_commands_find_the_only_build_there_is(tmp_path: Path, configuration: str) -> None:
    program = tmp_path / ".build" / configuration / "mesh"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "called with $*"\n')
    program.chmod(0o755)
    result = run(tmp_path, "status", "--json")
    assert (result.returncode, result.stdout) == (0, "called with status --json\n")


def test_commands_say_what_to_do_where_nothing_is_built(tmp_path: Path) -> None:
    result = run(tmp_path, "env")
    assert result.returncode == 1
    assert result.stderr == "mesh: nothing is built yet: ./mesh up builds and starts everything\n"

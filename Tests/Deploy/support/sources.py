"""The files that are checked, and the programs that they are checked against."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# Every program of the image, in the order of the alphabet.
PROGRAMS = ["broker", "gateway", "identity", "mesh", "messaging", "presence", "profiles"]

# Those that run as services of the mesh, in compose and in Kubernetes.
SERVICES = ["gateway", "identity", "messaging", "presence", "profiles"]


def program(name: str) -> str:
    """The built program of that name."""
    path = Path(os.environ.get("PROGRAMS", ROOT / ".build/debug")) / name
    assert path.exists(), f"{path} is missing; build it with `swift build`"
    return str(path.resolve())


@cache
def read(path: str) -> str:
    """A file of the repository."""
    return (ROOT / path).read_text()


def dockerfile_environment() -> dict[str, str]:
    """What the image sets for every container."""
    lines = re.findall(r"^ENV (.*)$", read("deploy/docker/Dockerfile"), re.M)
    return dict(word.split("=", 1) for line in lines for word in line.split())


def ops_port() -> int:
    """The port on which programs in containers answer their operators."""
    return int(dockerfile_environment()["OPS_ADDRESS"].rsplit(":", 1)[1])


def run(*command: str, **more) -> str:
    """What a command writes; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout

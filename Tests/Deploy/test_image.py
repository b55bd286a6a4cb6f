"""The image has every program and every library that these need."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from support.sources import PROGRAMS, program, read, run


def packages(stage: int) -> set[str]:
    """The packages that a stage of the Dockerfile installs."""
    text = read("deploy/docker/Dockerfile").split("\nFROM ")[stage]
    return set(re.search(r"--no-install-recommends \\\n(.*?)\\\n  &&", text, re.S)[1].split())


@cache
def closure() -> set[str]:
    """What is installed with the runtime's packages, and what every Debian has."""
    wanted = sorted(packages(2))
    essential = run("dpkg-query", "-W", "-f", "${Package} ${Essential} ${Priority}\n").splitlines()
    found = {line.split()[0] for line in essential if line.split()[1] == "yes" or line.split()[2] == "required"}
    options = ["--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces"]
    listed = run("apt-cache", "depends", *options, "--no-enhances", *wanted, *sorted(found))
    return found | {line.strip() for line in listed.splitlines() if re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", line)}


def test_every_program_is_built_and_put_in() -> None:
    products = set(re.findall(r'\.executable\(name: "([a-z]+)"', read("Package.swift")))
    assert products == set(PROGRAMS)
    built = re.search(r"for program in ([a-z ]+); do", read("deploy/docker/Dockerfile"))[1].split()
    assert set(built) == products


def test_every_library_is_swifts_or_of_a_package_that_is_put_in() -> None:
    libraries = set()
    for name in PROGRAMS:
        for line in run("ldd", program(name)).splitlines():
            assert "not found" not in line
            if found := re.search(r"=> (/\S+)", line):
                if "/swift/linux/" not in found[1]:
                    libraries.add(found[1])
    files = {str(Path(path).resolve()) for path in libraries}
    # Packages name a file below / or below /usr, which is the same place. dpkg -S would take seconds for these.
    names = {name for path in files for name in (path, path.removeprefix("/usr"), f"/usr{path}")}
    lists = [str(path) for path in Path("/var/lib/dpkg/info").glob("*.list")]
    owners = {}
    for line in run("grep", "-HxF", "-f", "-", *lists, input="\n".join(names)).splitlines():
        file, _, path = line.partition(":/")
        owners[str(Path(f"/{path}").resolve())] = Path(file).name.removesuffix(".list").split(":")[0]
    for path in sorted(files):
        assert owners[path] in closure(), f"{path} is of {owners[path]}, which the image does not have"


def test_every_library_that_is_built_with_is_one_of_ours() -> None:
    ours = {line.split()[0] for line in read("deploy/packages.txt").splitlines() if line and not line.startswith("#")}
    assert packages(1) == {name for name in ours if name.endswith("-dev")}


def test_every_helper_program_is_put_in() -> None:
    # The health check's, the pictures', and what bounds these.
    assert {"curl", "graphicsmagick", "tzdata", "ca-certificates"} <= packages(2)
    assert "util-linux" in closure()

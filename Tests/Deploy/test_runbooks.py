"""The runbooks have what somebody who was woken needs, and their commands exist."""

from __future__ import annotations

import re

import pytest

from support.deployment import compose
from support.options import options
from support.sources import ROOT, SERVICES, program, read, run

RUNBOOKS = sorted((ROOT / "deploy/runbooks").glob("*.md"))
PARTS = ["## What you see", "## What clients see", "## What to do", "## How you know that it is over"]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_says_what_is_seen_what_to_do_and_when_it_is_over(path) -> None:
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == PARTS
    assert "```sh" in text.split(PARTS[2])[1]


def test_there_are_runbooks_for_ten_incidents_and_the_readme_lists_them() -> None:
    assert len(RUNBOOKS) == 10
    for path in RUNBOOKS:
        assert f"runbooks/{path.name}" in read("deploy/README.md")


@pytest.mark.parametrize("path", [*RUNBOOKS, ROOT / "deploy/README.md"], ids=lambda path: path.stem)
def test_commands_name_services_variables_and_files_that_exist(path) -> None:
    text = path.read_text()
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S))
    verbs = r"docker compose (?:exec|restart|stop|start|logs|ps|rm)(?: -\w+| --(?:tail|since) \w+)*((?: [a-z]+)*)"
    for words in re.findall(verbs, code):
        # What stands behind the first word of `exec` is the container's affair.
        for word in words.split()[:1]:
            assert word in compose()["services"], f"{path.name}: there is no service {word}"
    told = read("docs/commands.txt")
    for command in re.findall(r"^mesh (?:\\\n)?([a-z-]+)", code, re.M):
        assert re.search(rf"^  {command}\b", told, re.M), f"{path.name}: there is no command {command}"
    known = {option.variable for name in [*SERVICES, "mesh"] for option in options(name)}
    for variable in re.findall(r"`([A-Z]+_[A-Z_]+)`", text):
        assert variable.removesuffix("_FILE") in known, f"{path.name}: {variable} is no option"
    for file in re.findall(r"\(([\w./-]+\.(?:md|yml|yaml|txt))\)", text):
        assert (path.parent / file).exists(), f"{path.name}: {file} does not exist"

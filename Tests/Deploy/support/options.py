"""Every option of every program, as `--help` tells it, and the table that is made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from support.sources import PROGRAMS, ROOT, program, run

TABLE = ROOT / "docs/OPTIONS.md"

HEAD = """\
# Every option

Written by `Tests/Deploy/run --write` from what each program says with `--help`; a test compares the two. Each option is an
environment variable or a flag; the flag wins. A secret never stands on a command line: it comes in its variable, or in a
file that the variable with `_FILE` appended, or the flag, names.

| variable | flag | programs | what it means | expected | when left out |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Option:
    variable: str
    flag: str
    is_secret: bool
    meaning: str
    expected: str
    left_out: str

    @property
    def is_required(self) -> bool:
        return self.left_out == "Required."


@cache
def options(name: str) -> tuple[Option, ...]:
    """What a program takes."""
    page = run(program(name), "--help")
    found = re.findall(
        r"^  --([a-z-]+)(?: VALUE)?  \(([A-Z_]+)( or \2_FILE)?\)\n      (.*)\n      Expected: (.*?)\. "
        r"(Required\.|Optional\.|Default: .*)\n",
        page,
        re.M,
    )
    assert len(found) == page.count("Expected: "), f"the help page of {name} has another form than is read here"
    return tuple(Option(variable, flag, bool(file), *rest) for flag, variable, file, *rest in found)


def variables(name: str) -> set[str]:
    """Every variable that a program looks at."""
    return {variable for option in options(name) for variable in names(option)}


def names(option: Option) -> list[str]:
    """The variables that an option comes in."""
    return [option.variable] + ([f"{option.variable}_FILE"] if option.is_secret else [])


def table() -> str:
    """The page. What several programs take with the same meaning is one line."""
    takers: dict[Option, list[str]] = {}
    for name in PROGRAMS:
        for option in options(name):
            takers.setdefault(option, []).append(name)
    lines = []
    for option, programs in sorted(takers.items(), key=lambda item: (item[0].variable, item[1])):
        secret = f", `{option.variable}_FILE`" if option.is_secret else ""
        left_out = option.left_out.removesuffix(".")
        if left_out.startswith("Default: "):
            left_out = f"`{left_out.removeprefix('Default: ')}`"
        cells = [f"`{option.variable}`{secret}", f"`--{option.flag}`", ", ".join(programs), option.meaning]
        cells += [option.expected, left_out]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    TABLE.write_text(table())

"""docs/OPTIONS.md says what the programs say."""

from support.options import TABLE, options, table
from support.sources import PROGRAMS


def test_the_table_of_options_is_what_the_programs_say() -> None:
    assert TABLE.read_text() == table(), "write it anew: Tests/Deploy/run --write"


def test_every_program_has_options_and_says_what_each_means() -> None:
    for name in PROGRAMS:
        assert options(name)
        assert all(option.meaning.endswith(".") for option in options(name))

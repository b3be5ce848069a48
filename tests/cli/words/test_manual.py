"""The manual page, and the texts of the help."""

import subprocess

import click
import pytest
from support.command_line import CommandLine, every_command

from wb_cli.cli.words.help_texts import split_examples, summarise
from wb_cli.cli.words.manual import EXIT_CODES
from wb_cli.errors import ExitCode

SHOWN = {path: command for path, command in every_command().items() if not command.hidden}


def test_the_manual_page_is_read_by_groff_without_a_warning(wb: CommandLine) -> None:
    code, page, _ = wb("help", "--man")
    assert code == 0
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    for path, command in SHOWN.items():
        if not isinstance(command, click.Group):
            assert f"\n.SS {path}".replace("-", "\\-") in page
    assert "EXIT STATUS" in page


def test_every_exit_code_has_its_meaning() -> None:
    assert set(EXIT_CODES) == set(ExitCode)


def test_help_of_an_unknown_command_suggests_a_known_one(wb: CommandLine) -> None:
    code, _, talk = wb("help", "rnu")
    assert code == ExitCode.USAGE
    assert "Did you mean wb run?" in talk


@pytest.mark.parametrize("path", SHOWN)
def test_a_summary_fits_one_line_of_a_list(path: str) -> None:
    if path != "wb":
        assert 0 < len(summarise(SHOWN[path])) <= 45


@pytest.mark.parametrize("path", [p for p, c in SHOWN.items() if not isinstance(c, click.Group)])
def test_every_command_has_examples_one_a_line(path: str) -> None:
    _, _, examples = (SHOWN[path].epilog or "").partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines()]
    assert lines
    # A backup is what `wb backup` makes of what is no command of it.
    assert all(path.removesuffix(" make") in line for line in lines)


def test_examples_are_split_off_a_help_text() -> None:
    assert split_examples("Do it.\n\nMore.\n\nExamples:\n    wb a\n    wb b") == (
        "Do it.\n\nMore.",
        ["wb a", "wb b"],
    )
    assert split_examples("Do it.") == ("Do it.", [])

"""Log lines: one for each record, whatever is in it."""

import logging
import sys

import pytest

from wb_cli.server.log import OneLine


def formatted(message: str, *arguments: object, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("wb", logging.INFO, "", 0, message, arguments, info)
    return OneLine("%(message)s").format(record)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\u2028b", r"a\u2028b"),
        ("\udc80", r"\udc80"),
        ("é ኢ — 😀", "é ኢ — 😀"),
    ],
)
def test_control_characters_are_spelled_out_and_letters_are_not(text: str, shown: str):
    assert formatted("[%s]", text) == f"[{shown}]"


def test_no_line_of_a_traceback_begins_where_a_record_does():
    try:
        raise ValueError("x\n[Shutdown] Timed out")
    except ValueError as error:
        assert sys.exc_info()[1] is error
        first, *others = formatted("failed", error=error).split("\n")
    assert first == "failed"
    assert others
    assert all(line.startswith("    ") for line in others)

"""Log lines: a record is always one line."""

import logging

import pytest

from wb_cli.server.process.log import OneLine


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
    with pytest.raises(ValueError, match="Timed out") as caught:
        int("x\n[Shutdown] Timed out")
    first, *others = formatted("failed", error=caught.value).split("\n")
    assert first == "failed"
    assert others
    assert all(line.startswith("    ") for line in others)

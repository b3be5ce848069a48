"""Read ``.env`` files: ``NAME=value``, quotes, comments, ``export``. Errors name the line."""

import re
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.files import file_errors

LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<rest>.*)", re.DOTALL)
SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class EnvLine(Struct, frozen=True):
    """A value, and the number of its line."""

    value: str
    line: int


def read(path: Path, *, is_optional: bool = False) -> dict[str, EnvLine]:
    """The variables of a file. If a name is there twice, the last line is valid."""
    with file_errors(path, "read"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            if is_optional:
                return {}
            raise
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _make_error(path, line, "is not UTF-8") from None
    return parse(text, path)


def parse(text: str, path: Path) -> dict[str, EnvLine]:
    """The variables of a file's text."""
    variables = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = LINE.fullmatch(stripped)
        if match is None:
            raise _make_error(path, number, "is not NAME=value")
        variables[match["name"]] = EnvLine(_parse_value(match["rest"], path, number), number)
    return variables


def _parse_value(rest: str, path: Path, number: int) -> str:
    if "\0" in rest:
        raise _make_error(path, number, "holds a NUL character")
    if rest.startswith("'"):
        return _unquote(SINGLE.fullmatch(rest), path, number)
    if rest.startswith('"'):
        text = _unquote(DOUBLE.fullmatch(rest), path, number)
        return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text)
    return re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].strip()


def _unquote(match: re.Match[str] | None, path: Path, number: int) -> str:
    if match is None:
        raise _make_error(
            path, number, "has a quote that is not closed on the line, or text after it"
        )
    return match[1]


def _make_error(path: Path, number: int, problem: str) -> UsageError:
    # The message does not show the line, which may hold a password.
    return UsageError(
        f"{path}, line {number}: the line {problem}",
        "Correct it there. Values with spaces or # stand in quotes.",
    )

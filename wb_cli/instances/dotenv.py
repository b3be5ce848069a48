"""``.env`` files: ``NAME=value``, quotes, comments, ``export``; errors carry the line's number."""

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
    """A value and the line it stands on."""

    value: str
    line: int


def read(path: Path, *, is_optional: bool = False) -> dict[str, EnvLine]:
    """The variables of a file; of a name that stands there twice, the last."""
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
        raise _error(path, line, "is not UTF-8") from None
    return parse(text, path)


def parse(text: str, path: Path) -> dict[str, EnvLine]:
    """The variables of a file's text."""
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = LINE.fullmatch(stripped)
        if match is None:
            raise _error(path, number, "is not NAME=value")
        found[match["name"]] = EnvLine(_value(match["rest"], path, number), number)
    return found


def _value(rest: str, path: Path, number: int) -> str:
    if "\0" in rest:
        raise _error(path, number, "holds a NUL character")
    if rest.startswith("'"):
        return _quoted(SINGLE.fullmatch(rest), path, number)
    if rest.startswith('"'):
        text = _quoted(DOUBLE.fullmatch(rest), path, number)
        return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text)
    return re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].strip()


def _quoted(match: re.Match[str] | None, path: Path, number: int) -> str:
    if match is None:
        raise _error(path, number, "has a quote that is not closed on the line, or text after it")
    return match[1]


def _error(path: Path, number: int, problem: str) -> UsageError:
    # The line itself is not shown: it may hold a password.
    return UsageError(
        f"{path}, line {number}: the line {problem}",
        "Correct it there. Values with spaces or # stand in quotes.",
    )

"""`.env` files are read."""

from pathlib import Path

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.host_settings import dotenv

PATH = Path("/etc/wb/.env")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("export A=b", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=b=c", "b=c"),
        ("A='b # c'", "b # c"),
        ("A='$b \\n'", "$b \\n"),
        ('A="b # c" # comment', "b # c"),
        (r'A="say \"b\"\nc\\d"', 'say "b"\nc\\d'),
        ("A=b c", "b c"),
        ("A=it's", "it's"),
        ("A=é", "é"),
        ("A=$HOME", "$HOME"),
        ("A=b\r", "b"),
    ],
)
def test_a_line_gives_its_value(line: str, value: str) -> None:
    assert dotenv.parse(line, PATH)["A"].value == value


def test_comments_and_blank_lines_count_as_lines_and_set_nothing() -> None:
    found = dotenv.parse("# fleet\n\nA=1\n  # more\nB=2\nA=3\n", PATH)
    assert (found["A"].value, found["A"].line) == ("3", 6)
    assert (found["B"].value, found["B"].line) == ("2", 5)


@pytest.mark.parametrize(
    "line",
    ["hush", "=hush", "1A=hush", "A B=hush", "A-B=hush", "A='hush", 'A="hush', 'A="hush" more',
     "A='hush\nB=1'", "A=hush\0"],
)  # fmt: skip
def test_the_error_of_a_bad_line_has_its_number_and_not_its_text(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        dotenv.parse(f"# first\n{line}", PATH)
    assert "/etc/wb/.env, line 2" in caught.value.message
    assert "hush" not in caught.value.message
    assert caught.value.hint


def test_the_error_of_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\nB=\xff\n")
    with pytest.raises(UsageError, match="line 2: the line is not UTF-8"):
        dotenv.read(path)


def test_an_absent_file_is_an_error_unless_it_is_optional(tmp_path: Path) -> None:
    assert dotenv.read(tmp_path / ".env", is_optional=True) == {}
    with pytest.raises(WbError, match="no such file"):
        dotenv.read(tmp_path / ".env")


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WbError, match="is a directory"):
        dotenv.read(tmp_path, is_optional=True)


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\n")
    assert dotenv.read(tmp_path / ".env")["A"].value == "1"

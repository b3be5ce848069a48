"""The words of wb and the words of a command inside a container."""

import pytest

from wb_cli.cli.commands.inside.words import split_words
from wb_cli.errors import UsageError


@pytest.mark.parametrize(
    ("command", "words", "own", "inside"),
    [
        ("psql", [], [], []),
        ("psql", ["other"], ["other"], []),
        ("psql", ["--", "-c", "select 1"], [], ["-c", "select 1"]),
        ("psql", ["other", "--", "-c", "--", "x"], ["other"], ["-c", "--", "x"]),
        ("valkey", ["set", "a", "-", "--", "-n", "1"], ["set", "a", "-"], ["-n", "1"]),
        ("exec", ["ls", "-l"], ["ls", "-l"], []),
        ("exec", ["--", "ls", "-l"], [], ["ls", "-l"]),
        ("exec", ["git", "log", "--", "file"], ["git", "log", "--", "file"], []),
        ("exec", ["--", "-odd", "--"], [], ["-odd", "--"]),
    ],
)
def test_words_are_split_at_the_dashes(
    command: str, words: list[str], own: list[str], inside: list[str]
) -> None:
    assert split_words(command, "demo", words) == (own, inside)


@pytest.mark.parametrize(
    ("command", "words", "option", "remedy"),
    [
        ("exec", ["--part", "postgres", "psql"], "--part", "`wb exec --part ... demo COMMAND`"),
        ("exec", ["-it", "sh"], "-it", "`wb exec -it ... demo COMMAND`"),
        ("psql", ["-c", "select 1"], "-c", "For psql: `wb psql demo -- -c 'select 1'`."),
        ("psql", ["other", "-At", "--", "-c", "x"], "-At", "`wb psql demo other -- -At -c x`"),
        ("valkey", ["-n", "1", "get"], "-n", "For valkey-cli: `wb valkey demo -- -n 1 get`."),
        ("shell", ["valkey", "-u", "root"], "-u", "`wb shell --help` lists them."),
    ],
)
def test_an_option_after_the_id_is_an_error_that_says_so(
    command: str, words: list[str], option: str, remedy: str
) -> None:
    with pytest.raises(UsageError) as caught:
        split_words(command, "demo", words)
    assert f"{option} stands after the id" in caught.value.message
    assert remedy in caught.value.hint

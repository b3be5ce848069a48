"""Images are chosen by instances, and by their own names."""

import pytest
from instances.examples import entry
from lifecycle.examples import SETTINGS

from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.registry import judge
from wb_cli.instances.registry_file.text import Entry
from wb_cli.provision.sending.choose import choose_references

FLEET = judge(
    [
        Entry.of(entry("ghana", 9001, tags=["west"], image="mine:3")),
        Entry.of(entry("kenya", 9002, image="mine:4")),
        Entry.of({"id": "old", "port": "9100", "tags": ["east"]}),
    ]
)
BOTH = ["postgres:17.4", "valkey/valkey:8"]


def choose(*words: str) -> list[str]:
    return choose_references(words, FLEET, SETTINGS, lambda name: name.startswith("mine"))


@pytest.mark.parametrize(
    ("words", "references"),
    [
        ("", [*BOTH, "mine:3", "mine:4"]),
        ("all", [*BOTH, "mine:3", "mine:4"]),
        ("@west", [*BOTH, "mine:3"]),
        ("kenya mine:4", [*BOTH, "mine:4"]),
        ("mine:5 mine:5", ["mine:5"]),
        ("mine", ["mine:latest"]),
        ("mine.org:5000/own", ["mine.org:5000/own:latest"]),
        ("mine.org:5000/own:7", ["mine.org:5000/own:7"]),
    ],
)
def test_words_choose_images_each_once(words: str, references: list[str]) -> None:
    assert sorted(choose(*words.split())) == sorted(references)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("togo", '"togo" is no instance, and no image of this engine'),
        ("@north", 'no instance has the tag "north"'),
        ("old", "port"),
    ],
)
def test_other_words_are_refused(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose(word)

"""The words of a command line select instances."""

from collections.abc import Sequence

import pytest
from instances.examples import entry

from wb_cli.errors import UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.text import Entry
from wb_cli.instances.selectors import complete, order_starts, select

FLEET = judge(
    [
        Entry.of(entry("mali", 9000, tags=["west", "pilot"])),
        Entry.of(entry("ghana", 9001, tags=["west"], serverVersion="1.7.0")),
        Entry.of(entry("kenya", 9002)),
        Entry.of(entry("chad", 9000, serverVersion="1.5.0")),
        Entry.of({"id": "old", "port": "9100"}),
    ]
)
FAR = "ssh://root@far"
HOSTS = judge(
    [
        Entry.of(entry("chad", 9000)),
        Entry.of(entry("mali", 9000, host=FAR)),
        Entry.of(entry("niger", 9001, host="context:west")),
        Entry.of({"id": "old", "host": FAR}),
    ]
)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["kenya"], "kenya"),
        (["kenya", "ghana"], "ghana kenya"),
        (["kenya", "kenya"], "kenya"),
        (["@west"], "ghana"),
        (["server=1.6.7"], "kenya"),
        (["all"], "chad ghana kenya"),
        (["@west", "server=1.7.0", "kenya"], "ghana kenya"),
        (["all", "kenya"], "chad ghana kenya"),
    ],
)
def test_words_select_each_instance_once_sorted_by_id(words: Sequence[str], ids: str) -> None:
    assert [instance.id for instance in select(words, FLEET).instances] == ids.split()


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ([], "no instance is named", "@tag"),
        (["keny"], 'no instance "keny"', "Did you mean kenya?"),
        (["zzz"], 'no instance "zzz"', "wb config list"),
        (["kenya", "zzz"], 'no instance "zzz"', "wb config list"),
        (["@wst"], 'no instance has the tag "wst"', "Did you mean @west?"),
        (["@boats"], 'no instance has the tag "boats"', "In use: pilot, west."),
        (["server=1.7"], 'no instance has server version "1.7"', "server=1.7.0"),
        (["server=9"], 'server version "9"', "In use: 1.5.0, 1.6.7, 1.7.0."),
        (["tag=west"], '"tag=west" is no selector', "@tag"),
        (["old"], "old: the entry is refused: label is missing", "set old label=... port=9100"),
        (["mali"], "mali: the entry is refused: port 9000", "`wb config set mali port=...`"),
        (["@pilot"], "mali: the entry is refused: port 9000", "`wb config set mali port=...`"),
        (["mali", "old"], "none of the 2 entries is valid: mali, old", "wb config validate"),
        (["west"], 'no instance "west"', "west is a tag: write @west."),
        (["mali,kenya"], 'no instance "mali,kenya"', "with spaces between"),
        (["ALL"], 'no instance "ALL"', "wb config list"),
        ([""], 'no instance ""', "wb config list"),
    ],
)
def test_a_word_that_selects_nothing_is_an_error_with_a_hint(
    words: Sequence[str], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        select(words, FLEET).require_instances()
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_all_on_an_empty_registry_is_an_error() -> None:
    with pytest.raises(UsageError, match="no instance is declared yet"):
        select(["all"], Registry())


def test_all_is_an_error_if_every_entry_is_refused() -> None:
    with pytest.raises(UsageError, match="none of the 2 entries is valid: entry 1"):
        select(["all"], judge([Entry.of(7), Entry.of(8)])).require_instances()


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (["all"], ["mali", "old"]),
        (["@west"], ["mali"]),
        (["server=1.6.7"], ["mali"]),
        (["kenya"], []),
        (["kenya", "old"], ["old"]),
        (["all", "mali", "@west"], ["mali", "old"]),
    ],
)
def test_refused_entries_are_selected_as_far_as_they_can_be_read(
    words: list[str], refused: list[str]
) -> None:
    assert [entry.title for entry in select(words, FLEET).refused] == refused


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("on=here", "chad"),
        (f"on={FAR}", "mali"),
        (f"on={FAR}/", "mali"),
        ("on=context:west", "niger"),
    ],
)
def test_instances_are_selected_by_their_host(word: str, ids: str) -> None:
    assert [instance.id for instance in select([word], HOSTS).instances] == ids.split()


def test_a_refused_entry_is_selected_by_its_host() -> None:
    assert [entry.title for entry in select([f"on={FAR}"], HOSTS).refused] == ["old"]
    assert select(["on=here"], HOSTS).refused == ()


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("on=ssh://root@fra", 'no instance is on the host "ssh://root@fra"', f"on={FAR}?"),
        ("on=far", "a host is here, ssh://[user@]host", ""),
    ],
)
def test_a_host_of_no_instance_is_an_error(word: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        select([word], HOSTS)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_hosts_are_completed_where_there_are_several() -> None:
    assert complete(HOSTS, "on=") == ["on=here", "on=context:west", f"on={FAR}"]
    assert complete(FLEET, "on=") == []


def test_completions_begin_with_the_incomplete_word() -> None:
    assert complete(FLEET, "k") == ["kenya"]
    assert complete(FLEET, "@") == ["@west"]
    assert complete(FLEET, "server=1.7") == ["server=1.7.0"]
    assert complete(FLEET, "")[-1] == "all"


def test_instances_start_in_the_order_of_priority_then_id() -> None:
    given = [
        Instance(name, name, 9000, "1", priority=priority)
        for name, priority in (("a", 0), ("b", 10), ("c", -1), ("d", 10))
    ]
    assert [instance.id for instance in order_starts(given)] == ["b", "d", "a", "c"]

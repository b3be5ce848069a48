"""The fields that wb fills in where the operator left them out of a new entry."""

import pytest
from instances.examples import entry

from wb_cli import __version__
from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.new_entry import complete, find_free_port
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.text import Entry


def is_always_free(_: int) -> bool:
    return True


def test_a_port_is_chosen_among_those_of_the_host() -> None:
    registry = judge([Entry.of(entry("a", 9000)), Entry.of(entry("b", 9001, host="ssh://far"))])
    for host, port in ((None, 9001), ("ssh://far", 9000), ("ssh://far/", 9000), ("far", 9001)):
        raw = {"id": "c"} | ({"host": host} if host else {})
        assert complete(raw, registry, is_always_free)["port"] == port


def test_the_first_entry_gets_wbs_own_platform() -> None:
    found = complete({"id": "sierra-leone", "tags": ["west"]}, Registry(), is_always_free)
    assert list(found) == ["id", "label", "port", "serverVersion", "tags", "image"]
    assert found == {
        "id": "sierra-leone",
        "label": "Sierra Leone",
        "port": 9000,
        "serverVersion": __version__,
        "tags": ["west"],
        "image": f"wb-platform:{__version__}",
    }


@pytest.mark.parametrize(
    ("versions", "newest"),
    [
        (["1.6.7", "1.10.0", "1.9.9"], "1.10.0"),
        (["2.0", "2.0-rc1"], "2.0"),
        (["2.0", "2.0.1"], "2.0.1"),
        (["1.6.7"], "1.6.7"),
    ],
)
def test_a_new_entry_gets_the_newest_version_in_use(versions: list[str], newest: str) -> None:
    registry = judge(
        [Entry.of(entry(f"i{n}", 9000 + n, serverVersion=v)) for n, v in enumerate(versions)]
    )
    found = complete({"id": "new"}, registry, is_always_free)
    assert found["serverVersion"] == newest
    assert "image" not in found


def test_a_version_whose_image_is_here_wins_over_a_newer_one() -> None:
    registry = judge(
        [
            Entry.of(entry("a", 9000, serverVersion="1.6.7")),
            Entry.of(entry("b", 9001, serverVersion="1.7.0")),
            Entry.of(entry("typo", 9002, serverVersion="9.9.9")),
        ]
    )
    found = complete(
        {"id": "new"}, registry, is_always_free, is_here=lambda instance: instance.id != "typo"
    )
    assert found["serverVersion"] == "1.7.0"
    found = complete({"id": "new"}, registry, is_always_free, is_here=lambda _: False)
    assert found["serverVersion"] == "9.9.9"


def test_a_version_that_the_operator_chose_gets_no_image() -> None:
    found = complete({"id": "new", "serverVersion": "1.6.7"}, Registry(), is_always_free)
    assert "image" not in found


def test_a_field_that_the_operator_set_stays() -> None:
    said = entry("new", 9555, label="Mine", image="app:1")
    assert complete(said, Registry(), is_always_free) == said


def test_neither_of_the_two_ports_may_be_claimed_or_in_use() -> None:
    registry = judge([Entry.of(entry("a", 9000)), Entry.of(entry("b", 19001))])
    assert find_free_port(registry, lambda port: port not in (9002, 19003)) == 9004


def test_no_free_port_is_an_error() -> None:
    with pytest.raises(UsageError, match="no port from 9000 to 55535"):
        find_free_port(Registry(), lambda port: port > 60_000)

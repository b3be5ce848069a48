"""What a new entry gets where its operator did not say."""

import pytest
from instances.examples import entry

from wb_cli import __version__
from wb_cli.errors import UsageError
from wb_cli.instances.new_entry import complete, free_port
from wb_cli.instances.registry import Registry, judge
from wb_cli.instances.registry_text import Entry


def everything_free(_: int) -> bool:
    return True


def test_on_an_empty_registry_it_runs_wbs_own_platform() -> None:
    found = complete({"id": "sierra-leone", "tags": ["west"]}, Registry(), everything_free)
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
def test_it_takes_the_newest_version_in_use(versions: list[str], newest: str) -> None:
    registry = judge(
        [Entry.of(entry(f"i{n}", 9000 + n, serverVersion=v)) for n, v in enumerate(versions)]
    )
    found = complete({"id": "new"}, registry, everything_free)
    assert found["serverVersion"] == newest
    assert "image" not in found


def test_a_version_of_the_operators_choice_brings_no_image_along() -> None:
    found = complete({"id": "new", "serverVersion": "1.6.7"}, Registry(), everything_free)
    assert "image" not in found


def test_what_the_operator_said_stays() -> None:
    said = entry("new", 9555, label="Mine", image="app:1")
    assert complete(said, Registry(), everything_free) == said


def test_both_ports_must_be_free_of_entries_and_servers() -> None:
    registry = judge([Entry.of(entry("a", 9000)), Entry.of(entry("b", 19001))])
    assert free_port(registry, lambda port: port not in (9002, 19003)) == 9004


def test_where_no_port_is_free_it_says_so() -> None:
    with pytest.raises(UsageError, match="no port from 9000 to 55535"):
        free_port(Registry(), lambda port: port > 60_000)

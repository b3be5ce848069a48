"""Two instances may not share ids, ports and folders."""

from typing import Any

import pytest
from instances.examples import entry

from wb_cli.instances.registry_file.claims import Claims
from wb_cli.instances.registry_file.entries import parse_entry

FAR = "ssh://root@far"


@pytest.mark.parametrize(
    ("one", "other", "problem"),
    [
        (entry("a", 9000), entry("a", 9001), 'id "a"'),
        (entry("a", 9000), entry("b", 9000), "a uses 9000 and 19000"),
        (entry("a", 9000), entry("b", 19000), "a uses 9000 and 19000"),
        (entry("a", 19000), entry("b", 9000), "a uses 19000 and 29000"),
        (entry("a", 9000), entry("b", 9001, instanceDir="a"), 'a uses "a"'),
        (entry("a", 9000, instanceDir="x"), entry("b", 9001, instanceDir="./x/"), 'a uses "x"'),
        (entry("a", 9000), entry("b", 9001, instanceDir="a/b"), 'a uses "a"'),
        (entry("a", 9000, instanceDir="x/y/z"), entry("b", 9001, instanceDir="x"), "x/y/z"),
        (entry("a", 9000, host=FAR), entry("b", 9000, host=f"{FAR}/"), "a uses 9000 and 19000"),
        (entry("a", 9000, host=FAR), entry("a", 9001), 'id "a"'),
    ],
)
def test_a_flaw_names_the_instance_that_has_the_id_port_or_folder(
    one: dict[str, Any], other: dict[str, Any], problem: str
) -> None:
    (only,) = Claims([parse_entry(one)]).find_flaws(parse_entry(other))
    assert problem in only.text
    assert "must be its own" in only.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry("a", 9000), entry("b", 9001)),
        (entry("a", 9000), entry("b", 29000)),
        (entry("a", 9000), entry("ab", 9001)),
        (entry("a", 9000, instanceDir="x/y"), entry("b", 9001, instanceDir="x/z")),
        (entry("a", 9000, instanceDir="b"), entry("c", 9001, instanceDir="a")),
        (entry("a", 9000, instanceDir="x"), entry("b", 9000, instanceDir="x/y", host=FAR)),
        (entry("a", 9000, host=FAR), entry("b", 19000, host="ssh://other")),
    ],
)
def test_neighbouring_ports_and_folders_and_those_of_another_host_are_no_flaw(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert list(Claims([parse_entry(one)]).find_flaws(parse_entry(other))) == []

"""Instances are grouped by the hosts of their engines."""

from collections.abc import Sequence

import pytest
from host.test_ssh_tunnel import ADDRESSES
from instances.examples import entry

from wb_cli.errors import UsageError
from wb_cli.host import ssh_tunnel
from wb_cli.instances.hosts import (
    group,
    keep_host,
    refuse_other_hosts,
    require_one,
    settle,
    write_options,
)
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.field_rules import parse_host
from wb_cli.instances.registry_file.registry import judge
from wb_cli.instances.registry_file.text import Entry

A, B = "ssh://root@a", "ssh://root@b"


def test_instances_are_grouped_in_the_order_in_which_their_hosts_appear() -> None:
    given = [Instance(name, name, 9000, "1", host=host) for name, host in
             (("x", B), ("y", None), ("z", A), ("w", B))]  # fmt: skip
    found = {host: [instance.id for instance in members] for host, members in group(given).items()}
    assert found == {B: ["x", "w"], None: ["y"], A: ["z"]}
    assert list(found) == [B, None, A]
    assert group([]) == {}


@pytest.mark.parametrize(
    ("host", "chosen", "goes_to"),
    [(None, None, None), (A, None, A), (None, A, None), (A, A, None)],
)
def test_an_instance_goes_to_its_own_host_or_else_to_the_chosen_one(
    host: str | None, chosen: str | None, goes_to: str | None
) -> None:
    assert settle(host, chosen, "mali") == goes_to


def test_a_chosen_host_that_is_not_the_declared_one_is_refused_with_both_names() -> None:
    with pytest.raises(UsageError) as caught:
        settle(A, B, "mali")
    assert f"mali is declared on {A}" in caught.value.message
    assert B in caught.value.message
    assert "--host" in caught.value.hint


@pytest.mark.parametrize(
    ("hosts", "one"), [([], None), ([None, None], None), ([A, A], A)]
)  # fmt: skip
def test_one_host_is_given(hosts: Sequence[str | None], one: str | None) -> None:
    assert require_one(hosts) == one


def test_several_hosts_are_refused_with_the_words_that_select_each() -> None:
    with pytest.raises(UsageError) as caught:
        require_one([A, None, A])
    assert f"on 2: {A}, the engine of this command" in caught.value.message
    assert f"`on={A}`, `on=here`" in caught.value.hint


@pytest.mark.parametrize("url", ADDRESSES)
def test_what_the_registry_file_takes_opens_a_connection_to_the_same_place(url: str) -> None:
    assert ssh_tunnel.parse(parse_host(url)) == ADDRESSES[url]


FLEET = judge(
    [
        Entry.of(entry("chad", 9000)),
        Entry.of(entry("mali", 9000, host=A)),
        Entry.of({"id": "old", "host": B}),
        Entry.of(7),
    ]
)


def test_what_the_chosen_engine_has_is_kept() -> None:
    assert keep_host(FLEET, None).ids() == ("chad",)
    assert keep_host(FLEET, A).ids() == ("chad", "mali")
    assert [each.id for each in keep_host(FLEET, B).refused] == ["old", None]


def test_an_instance_of_another_host_is_refused_with_the_options_that_go_there() -> None:
    refuse_other_hosts(FLEET.instances, A)
    with pytest.raises(UsageError) as caught:
        refuse_other_hosts(FLEET.instances, None)
    assert f"mali is on {A}" in caught.value.message
    assert f"`wb --host {A} ...`" in caught.value.hint
    assert write_options("context:west") == "--context west"


def test_the_chosen_engine_is_no_host_if_every_entry_names_one() -> None:
    assert FLEET.list_hosts() == [None, A, B]
    assert judge([Entry.of(entry("mali", 9000, host=A))]).list_hosts() == [A]
    assert judge([]).list_hosts() == [None]

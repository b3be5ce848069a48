"""Who works on a repository, by the name of the host in a lock."""

import pytest

from wb_cli.backup.owner import MOST_LETTERS, Owner, describe_owner, read_owner
from wb_cli.lifecycle.options import Verb

MARK = "0a1b2c3d"


@pytest.mark.parametrize("verb", Verb)
def test_a_command_on_an_instance_is_read_from_the_name_that_it_gives(verb: Verb) -> None:
    owner = Owner("srv1", verb, "demo")
    assert read_owner(owner.name_host(MARK)) == owner


def test_a_command_without_an_instance_names_its_machine() -> None:
    owner = Owner("srv1")
    assert owner.name_host(MARK) == f"wb.srv1.{MARK}"
    assert (read_owner(owner.name_host(MARK)), str(owner)) == (owner, "wb on srv1")


@pytest.mark.parametrize(
    ("machine", "named"), [("Srv1.example.org", "srv1"), ("Zoë", "zo-"), ("", "here")]
)
def test_a_machine_is_named_as_a_host_may_be(machine: str, named: str) -> None:
    assert Owner(machine).name_host(MARK) == f"wb.{named}.{MARK}"


def test_a_long_name_is_cut_at_the_machine() -> None:
    name = Owner("m" * 99, Verb.BACKUP, "i" * 30).name_host(MARK)
    assert len(name) == MOST_LETTERS
    found = read_owner(name)
    assert found
    assert (found.verb, found.instance) == (Verb.BACKUP, "i" * 30)


@pytest.mark.parametrize("hostname", ["far", "0a1b2c3d4e5f", f"wb.make-tea.demo.srv1.{MARK}"])
def test_any_other_owner_is_a_process_on_a_host(hostname: str) -> None:
    assert describe_owner(hostname, 7, "root") == f"process 7 on {hostname} by root"


def test_an_owner_of_wb_is_described_by_what_it_does() -> None:
    name = Owner("srv1", Verb.PROVE, "demo").name_host(MARK)
    assert describe_owner(name, 7, "root") == "`wb backup prove` of demo on srv1"

"""What an older tool left of an instance is found by its names, and never what is wb's."""

from wb_cli.contract import Part
from wb_cli.engine.types import (
    LABEL_INSTANCE,
    LABEL_ROLE,
    Observed,
    ObservedContainer,
    ObservedNetwork,
    State,
)
from wb_cli.lifecycle.adoption.group import find_group, find_groups


def container(name: str, instance: str = "", **addresses: str) -> ObservedContainer:
    labels = {LABEL_INSTANCE: instance, LABEL_ROLE: "postgres"} if instance else {}
    return ObservedContainer(
        f"id-{name}", name, State.RUNNING, "", "", "", labels=labels, addresses=addresses
    )


def listing(*names: str, networks: tuple[ObservedNetwork, ...] = ()) -> Observed:
    return Observed(tuple(map(container, names)), networks)


def test_a_group_has_the_containers_and_the_network_that_bear_its_names() -> None:
    network = ObservedNetwork("n", "demo")
    observed = listing("demo", "demo-postgres", "demo-valkey", "demo-r", networks=(network,))
    group = find_group("demo", observed)
    assert set(group.containers) == {Part.PLATFORM, Part.POSTGRES, Part.VALKEY}
    assert group.network == network
    assert group.is_whole
    assert not group.is_empty


def test_what_bears_a_label_of_wb_is_in_no_group() -> None:
    network = ObservedNetwork("n", "demo", labels={LABEL_INSTANCE: "demo"})
    observed = Observed((container("demo-postgres", "demo"),), (network,))
    assert find_group("demo", observed).is_empty


def test_a_platform_with_its_database_is_a_group_and_others_only_if_declared() -> None:
    observed = listing("mali", "mali-postgres", "niger", "chad-postgres", "Shop_1", "host")
    assert [group.instance for group in find_groups(observed, [])] == ["mali"]
    found = find_groups(observed, ["niger", "togo"])
    assert [group.instance for group in found] == ["mali", "niger"]


def test_the_address_is_the_first_that_there_is() -> None:
    observed = Observed((container("demo-postgres", none="", demo="172.18.0.2"),))
    group = find_group("demo", observed)
    assert group.address_of(Part.POSTGRES) == "172.18.0.2"
    assert group.address_of(Part.VALKEY) == ""

"""How an older tool's containers give way, compared as whole texts."""

from lifecycle.examples import SUBNET, container, running, wanted
from lifecycle.plan_texts import everything, lines
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import ObservedNetwork, State
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.part import is_auto_removed
from wb_cli.lifecycle.planning.persistence import ValkeyFiles
from wb_cli.lifecycle.planning.takeover import dress_container, dress_network, plan_takeover

FILES = ValkeyFiles(snapshot=True, log=False)
OLDER_NETWORK = ObservedNetwork("older-net", "demo", ("172.18.0.0/16",))
STOPS = lines(
    *("demo: taken over from an older tool", "  stop demo (at most 10 s)"),
    *("demo-postgres: taken over from an older tool", "  stop demo-postgres (at most 30 s)"),
    *("demo-valkey: taken over from an older tool", "  stop demo-valkey (at most 10 s)"),
)
REMOVALS = lines(
    *("demo: stopped", "  remove demo"),
    *("demo-postgres: stopped", "  remove demo-postgres"),
    *("demo-valkey: stopped", "  remove demo-valkey"),
)


def older(**commands: tuple[str, ...]) -> ObservedInstance:
    """What an older tool left running, in the dress of wb's."""
    bare = [replace(container(spec), labels={}) for spec in wanted().containers]
    names = {part.container_name("demo"): part for part in Part}
    dressed = (
        dress_container(each, "demo", names[each.name], commands.get(names[each.name], ()))
        for each in bare
    )
    network = dress_network(OLDER_NETWORK, "demo", {"wb.registry": "/r"})
    return ObservedInstance(containers=tuple(dressed), networks=(network,))


def test_all_is_saved_then_stopped_then_removed_with_the_network_and_made_anew() -> None:
    plan = plan_takeover(wanted(), ObservedInstance(), older(), SUBNET, FILES)
    assert str(plan) == lines(
        *("valkey: what it caches is saved", "  save what demo-valkey caches"),
        STOPS,
        REMOVALS,
        *("network: taken over from an older tool", "  remove network demo"),
        *("network: not there", "  create network demo"),
        everything("not there"),
    )
    assert plan.reasons == ()


def test_after_a_kill_what_is_there_already_stays() -> None:
    nothing_older = ObservedInstance()
    plan = plan_takeover(wanted(), running(wanted()), nothing_older, SUBNET, FILES)
    assert str(plan) == "nothing to do"


def test_a_network_that_is_wbs_already_stays() -> None:
    own = replace(running(wanted()), containers=())
    plan = plan_takeover(wanted(), own, replace(older(), networks=()), SUBNET, FILES)
    assert "network" not in str(plan)


def test_a_valkey_that_does_not_run_is_not_saved() -> None:
    ended = tuple(
        replace(each, state=State.EXITED) if each.part is Part.VALKEY else each
        for each in older().containers
    )
    plan = plan_takeover(
        wanted(), ObservedInstance(), replace(older(), containers=ended), SUBNET, FILES
    )
    assert "save" not in str(plan)


def test_a_valkey_that_keeps_a_log_is_saved_once_and_its_data_carried_over() -> None:
    command = {"valkey": ("valkey-server", "--appendonly", "yes")}
    plan = plan_takeover(wanted(), ObservedInstance(), older(**command), SUBNET, FILES)
    assert str(plan).count("save what") == 1
    assert "carry the cache of demo-valkey over from aof to rdb" in str(plan)


def test_what_an_older_tool_left_counts_as_what_removes_itself() -> None:
    dressed = older().containers
    assert all(is_auto_removed(each) for each in dressed)
    assert {each.instance for each in dressed} == {"demo"}
    assert older().networks[0].labels == {"wb.registry": "/r", "wb.instance": "demo"}

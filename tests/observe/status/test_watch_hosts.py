"""Several hosts are watched at once."""

import queue
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.instances.model import Instance
from wb_cli.instances.selectors import Selection
from wb_cli.observe.status.instance_state import InstanceState, InstanceStatus
from wb_cli.observe.status.watch import View, describe_changes
from wb_cli.observe.status.watch_hosts import HostsWatch, combine

A, B = "ssh://a", "ssh://b"
DECLARED = {"mali": A, "niger": B}
AWAY = EngineUnreachableError("b is away")


def view(id_: str, state: InstanceState = InstanceState.RUNNING, **more: Any) -> View:
    return View((InstanceStatus(id_, state),), **more)


LOST = view("niger", InstanceState.UNKNOWN, problem=AWAY)


def test_a_host_that_is_lost_is_told_in_the_lines_of_its_instances() -> None:
    both = combine({A: view("mali"), B: LOST}, DECLARED)
    assert not both.is_lost
    assert both.problem is None
    assert [(each.id, each.state, each.notes) for each in both.statuses] == [
        ("mali", InstanceState.RUNNING, ()),
        ("niger", InstanceState.UNKNOWN, ("b is away",)),
    ]
    before = combine({A: view("mali"), B: view("niger")}, DECLARED)
    assert list(describe_changes(before, both)) == ["niger: running -> unknown: b is away"]


def test_the_engine_is_lost_if_no_host_answers() -> None:
    gone = view("mali", InstanceState.UNKNOWN, problem=EngineUnreachableError("a is away"))
    assert combine({A: gone, B: LOST}, DECLARED).is_lost


def test_a_registry_file_that_cannot_be_read_is_told_as_of_one_host() -> None:
    broken = UsageError("cut")
    seen = combine({A: view("mali", problem=broken), B: LOST}, DECLARED)
    assert seen.problem is broken


class OneWatch:
    """A watch that gives the views it is told to give."""

    def __init__(self) -> None:
        self.views: queue.SimpleQueue[View | None] = queue.SimpleQueue()
        self.is_stopped = False

    def give_views(self) -> Iterator[View]:
        yield from iter(self.views.get, None)

    def stop(self) -> None:
        self.is_stopped = True
        self.views.put(None)


def choose(id_: str, host: str) -> Any:
    return SimpleNamespace(selection=Selection((Instance(id_, id_, 9000, "1", host=host),)))


def test_views_of_all_hosts_come_together_and_a_silent_host_delays_none() -> None:
    fast, silent = OneWatch(), OneWatch()
    watches: Any = {A: fast, B: silent}
    watch = HostsWatch(watches, {A: choose("mali", A), B: choose("niger", B)})
    fast.views.put(view("mali"))
    views = watch.give_views()
    seen = next(each for each in views if each.statuses[0].state is InstanceState.RUNNING)
    assert [(each.host, each.state) for each in seen.statuses] == [
        (A, InstanceState.RUNNING),
        (B, InstanceState.UNKNOWN),
    ]
    silent.views.put(replace(view("niger", InstanceState.STOPPED)))
    assert next(each for each in views if each.statuses[1].state is InstanceState.STOPPED)
    watch.stop()
    assert list(views) == []
    assert fast.is_stopped
    assert silent.is_stopped

"""The containers that are in the way of a stop."""

import threading

import pytest
from lifecycle.examples import running, wanted
from msgspec.structs import replace

from wb_cli.engine.types import LABEL_INSTANCE, Observed, ObservedContainer, State
from wb_cli.lifecycle.guard.guests import GuestsError, find_guests, wait_for_guests
from wb_cli.lifecycle.planning.reconcile import plan_stop

DEMO = running(wanted())
SANDBOX = "/mnt/demo/sandbox"
HELPER = ObservedContainer("id-h", "helper", State.RUNNING, "Up 1 second", "r:1", "sha256:r")
ON_THE_NETWORK = replace(HELPER, networks=("net-1",))


def observed(*others: ObservedContainer) -> Observed:
    """A running instance with its folders mounted, and other containers."""
    own = tuple(
        replace(container, writes_to=(SANDBOX, f"/mnt/demo/{container.part}"))
        for container in DEMO.containers
    )
    network = replace(DEMO.networks[0], labels={LABEL_INSTANCE: "demo"})
    return Observed((*own, *others), (network,))


@pytest.mark.parametrize(
    "other",
    [
        ON_THE_NETWORK,
        replace(ON_THE_NETWORK, state=State.PAUSED),
        replace(ON_THE_NETWORK, labels={"wb.instance": "another"}),
        replace(HELPER, writes_to=(SANDBOX,)),
        replace(HELPER, writes_to=(f"{SANDBOX}/job/7",)),
    ],
)
def test_a_container_that_uses_the_network_or_the_sandbox_is_a_guest(
    other: ObservedContainer,
) -> None:
    assert find_guests("demo", observed(other)) == (other,)


@pytest.mark.parametrize(
    "other",
    [
        HELPER,
        replace(ON_THE_NETWORK, state=State.EXITED),
        replace(HELPER, networks=("net-2",)),
        replace(HELPER, writes_to=("/mnt",)),  # a backup of all instances
        replace(HELPER, writes_to=(f"{SANDBOX}-2",)),
    ],
)
def test_other_containers_are_no_guests(other: ObservedContainer) -> None:
    assert find_guests("demo", observed(other)) == ()


class Listing:
    """An engine that can only list containers, and gives the next listing each time."""

    def __init__(self, *listings: Observed) -> None:
        self._next = iter(listings)

    def observe(self) -> Observed:
        return next(self._next)


def wait(engine: Listing, deadline: float, cancelled: threading.Event | None = None) -> Observed:
    ignore = lambda _: None  # noqa: E731
    return wait_for_guests(engine.observe, "demo", deadline, ignore, cancelled or threading.Event())


def test_a_stop_waits_for_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wb_cli.lifecycle.guard.guests.POLL_INTERVAL_S", 0)
    with_guest, alone = observed(ON_THE_NETWORK), observed()
    assert wait(Listing(with_guest, with_guest, alone), float("inf")) is alone


def test_guests_that_stay_are_named() -> None:
    others = (ON_THE_NETWORK, replace(ON_THE_NETWORK, id="id-2", name="pgadmin"))
    with pytest.raises(GuestsError, match="containers helper, pgadmin use its network"):
        wait(Listing(observed(*others)), 0)


def test_the_wait_can_be_interrupted() -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(InterruptedError):
        wait(Listing(observed(ON_THE_NETWORK)), float("inf"), cancelled)


def test_with_force_guests_stop_first_and_are_not_removed() -> None:
    plan = plan_stop("demo", DEMO, (ON_THE_NETWORK,))
    first, *others = plan.stages
    assert [str(operation) for lane in first for operation in lane.operations] == [
        "stop helper (at most 10 s)"
    ]
    assert tuple(others) == plan_stop("demo", DEMO).stages

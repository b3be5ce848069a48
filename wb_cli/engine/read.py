"""From the engine's JSON to what we observe. Pure."""

import signal
from collections.abc import Container, Iterable, Mapping
from typing import Any

from wb_cli.contract import DATA_PATHS
from wb_cli.engine.types import (
    ContainerDetail,
    Health,
    ImageInfo,
    ObservedContainer,
    ObservedNetwork,
    Port,
    State,
)

Document = Mapping[str, Any]
# Signals that ask a process for something else than its end, as the engine's events name them.
HARMLESS_SIGNALS = {
    str(int(number))
    for number in (
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGCONT,
        signal.SIGSTOP,
        signal.SIGTSTP,
        signal.SIGWINCH,
    )
}


def container(listed: Document, stopping: Container[str] = ()) -> ObservedContainer:
    """One entry of the container listing; ``stopping`` are the ids that were told to stop."""
    networks, mounts = _networks(listed), _mounted(listed, is_writable=True)
    return ObservedContainer(
        id=listed["Id"],
        name=_first_name(listed.get("Names") or ()),
        state=State(listed["State"]),
        status=listed["Status"],
        image=listed["Image"],
        image_id=listed["ImageID"],
        labels=listed.get("Labels") or {},
        ports=tuple(_ports(listed.get("Ports") or ())),
        writes_to=tuple(mounts.values()),
        reads_from=tuple(_mounted(listed, is_writable=False).values()),
        data_folder=next((mounts[path] for path in DATA_PATHS if path in mounts), ""),
        networks=tuple(each["NetworkID"] for each in networks.values() if each.get("NetworkID")),
        addresses=_addresses(networks),
        is_stopping=listed["State"] == State.RUNNING and listed["Id"] in stopping,
    )


def stopping(events: Iterable[Document]) -> set[str]:
    """The ids of the containers that were told to end since they started, or have ended.

    A listing may say "running" for a moment after the event of the end.
    """
    asked = {}
    for event in events:
        actor = event["Actor"]
        if event["Action"] != "kill":
            asked[actor["ID"]] = event["Action"] == "die"
        elif actor["Attributes"].get("signal") not in HARMLESS_SIGNALS:
            asked[actor["ID"]] = True
    return {container for container, is_asked in asked.items() if is_asked}


def network(listed: Document) -> ObservedNetwork:
    """One entry of the network listing."""
    pools = (listed.get("IPAM") or {}).get("Config") or ()
    return ObservedNetwork(
        id=listed["Id"],
        name=listed["Name"],
        subnets=tuple(pool["Subnet"] for pool in pools if pool.get("Subnet")),
        labels=listed.get("Labels") or {},
    )


def detail(inspected: Document) -> ContainerDetail:
    """The inspection of one container."""
    state = inspected["State"]
    return ContainerDetail(
        id=inspected["Id"],
        name=inspected["Name"].removeprefix("/"),
        state=State(state["Status"]),
        exit_code=state["ExitCode"],
        started_at=_moment(state["StartedAt"]),
        restart_policy=inspected["HostConfig"]["RestartPolicy"]["Name"] or "no",
        restart_count=inspected.get("RestartCount", 0),
        addresses=_addresses(_networks(inspected)),
        health=Health((state.get("Health") or {}).get("Status", Health.NONE)),
        oom_killed=bool(state.get("OOMKilled")),
        finished_at=_moment(state.get("FinishedAt", "")),
    )


def image(inspected: Document) -> ImageInfo:
    """The inspection of one image."""
    return ImageInfo(inspected["Id"], tuple(inspected.get("RepoDigests") or ()))


def _moment(told: str) -> str:
    """A time; empty where the engine says the year 1, which is "never"."""
    return "" if told.startswith("0001-") else told


def _first_name(names: Iterable[str]) -> str:
    """The container's own name; links show as ``/other/name``."""
    own = [name.removeprefix("/") for name in names if name.count("/") == 1]
    return own[0] if own else ""


def _ports(listed: Iterable[Document]) -> Iterable[Port]:
    seen = set()
    for entry in listed:
        if entry.get("PublicPort"):
            port = Port(entry["PrivatePort"], entry["PublicPort"], entry.get("IP", "0.0.0.0"))  # noqa: S104
            if port not in seen:
                seen.add(port)
                yield port


def _mounted(listed: Document, *, is_writable: bool) -> dict[str, str]:
    """The host paths that are mounted read-write, or read-only, by their path in the container."""
    return {
        mount.get("Destination", mount["Source"]): mount["Source"]
        for mount in listed.get("Mounts") or ()
        if mount.get("Source") and bool(mount.get("RW")) is is_writable
    }


def _networks(container: Document) -> Document:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}


def _addresses(networks: Document) -> dict[str, str]:
    return {name: each.get("IPAddress") or "" for name, each in networks.items()}

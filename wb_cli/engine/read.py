"""Turn the engine's JSON into what wb observes. Pure."""

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
# Signals that do not ask a process to end, in the form that the engine's events have.
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
    """Read an entry of the list of containers. ``stopping`` are the ids that were told to stop."""
    networks, mounts = _read_networks(listed), _read_mounts(listed, is_writable=True)
    return ObservedContainer(
        id=listed["Id"],
        name=_read_name(listed.get("Names") or ()),
        state=State(listed["State"]),
        status=listed["Status"],
        image=listed["Image"],
        image_id=listed["ImageID"],
        labels=listed.get("Labels") or {},
        ports=tuple(_read_ports(listed.get("Ports") or ())),
        writes_to=tuple(mounts.values()),
        reads_from=tuple(_read_mounts(listed, is_writable=False).values()),
        data_folder=next((mounts[path] for path in DATA_PATHS if path in mounts), ""),
        networks=tuple(
            network["NetworkID"] for network in networks.values() if network.get("NetworkID")
        ),
        addresses=_read_addresses(networks),
        is_stopping=listed["State"] == State.RUNNING and listed["Id"] in stopping,
    )


def stopping(events: Iterable[Document]) -> set[str]:
    """Read the ids of the containers that were told to end since they started, or have ended.

    The engine may list a container as running for a moment after the event of its end.
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
    """Read an entry of the list of networks."""
    pools = (listed.get("IPAM") or {}).get("Config") or ()
    return ObservedNetwork(
        id=listed["Id"],
        name=listed["Name"],
        subnets=tuple(pool["Subnet"] for pool in pools if pool.get("Subnet")),
        labels=listed.get("Labels") or {},
    )


def detail(inspected: Document) -> ContainerDetail:
    """Read the inspection of one container."""
    state = inspected["State"]
    return ContainerDetail(
        id=inspected["Id"],
        name=inspected["Name"].removeprefix("/"),
        state=State(state["Status"]),
        exit_code=state["ExitCode"],
        started_at=_read_time(state["StartedAt"]),
        restart_policy=inspected["HostConfig"]["RestartPolicy"]["Name"] or "no",
        restart_count=inspected.get("RestartCount", 0),
        addresses=_read_addresses(_read_networks(inspected)),
        health=Health((state.get("Health") or {}).get("Status", Health.NONE)),
        oom_killed=bool(state.get("OOMKilled")),
        finished_at=_read_time(state.get("FinishedAt", "")),
    )


def image(inspected: Document) -> ImageInfo:
    """Read the inspection of one image."""
    return ImageInfo(inspected["Id"], tuple(inspected.get("RepoDigests") or ()))


def _read_time(text: str) -> str:
    """Read a time. The engine writes "never" as a time of the year 1, which becomes empty."""
    return "" if text.startswith("0001-") else text


def _read_name(names: Iterable[str]) -> str:
    """Read the container's own name. Links are listed as ``/other/name``."""
    own = [name.removeprefix("/") for name in names if name.count("/") == 1]
    return own[0] if own else ""


def _read_ports(listed: Iterable[Document]) -> Iterable[Port]:
    read = set()
    for entry in listed:
        if entry.get("PublicPort"):
            port = Port(entry["PrivatePort"], entry["PublicPort"], entry.get("IP", "0.0.0.0"))  # noqa: S104
            if port not in read:
                read.add(port)
                yield port


def _read_mounts(listed: Document, *, is_writable: bool) -> dict[str, str]:
    """Read the host paths that are mounted writable, or read-only, by path in the container."""
    return {
        mount.get("Destination", mount["Source"]): mount["Source"]
        for mount in listed.get("Mounts") or ()
        if mount.get("Source") and bool(mount.get("RW")) is is_writable
    }


def _read_networks(container: Document) -> Document:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}


def _read_addresses(networks: Document) -> dict[str, str]:
    return {name: network.get("IPAddress") or "" for name, network in networks.items()}

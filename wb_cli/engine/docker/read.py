"""Turn the engine's JSON into what wb observes. Pure."""

import signal
from collections.abc import Container, Iterable, Mapping
from typing import Any

from wb_cli.contract import DATA_PATHS
from wb_cli.engine.configuration import Configuration
from wb_cli.engine.types import (
    LABEL_OUTPOST,
    ContainerDetail,
    Health,
    ImageInfo,
    ListedImage,
    Mount,
    ObservedContainer,
    ObservedNetwork,
    Port,
    State,
)
from wb_cli.secret import Secret

Document = Mapping[str, Any]
# The official image says its version in the first variable, as 17.4-1.pgdg120+1. wb's own image
# has the second one alone.
POSTGRES_VERSIONS = ("PG_VERSION", "PG_MAJOR")
# The program of an image with this label may start before its database and Valkey are ready. It
# tries to connect until they answer, and its health check fails until the database does. Any value
# says so but an empty one.
LABEL_WAITS_FOR_DATABASE = "wb.waits-for-database"
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
# Exit codes of an orderly end, in the same form: by itself, after SIGINT, after SIGTERM.
CLEAN_EXITS = {"0", "130", "143"}


def container(
    listed: Document, stopping: Container[str] = (), crashed: Container[str] = ()
) -> ObservedContainer:
    """Read an entry of the list of containers.

    ``stopping`` are the ids that were told to stop, ``crashed`` those that ended badly by
    themselves.
    """
    networks, mounts = _read_networks(listed), _read_mounts(listed, is_writable=True)
    if LABEL_OUTPOST in (listed.get("Labels") or {}):
        mounts = {}  # it mounts the whole machine, and touches no server's data
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
        created=listed.get("Created", 0),
        has_crashed=listed["Id"] in crashed,
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


def crashed(events: Iterable[Document]) -> set[str]:
    """Read the ids of the containers whose last end was bad, and no signal had asked for it."""
    asked: set[str] = set()
    bad: set[str] = set()
    for event in events:
        container, attributes = event["Actor"]["ID"], event["Actor"]["Attributes"]
        if event["Action"] == "start":
            asked.discard(container)
        elif event["Action"] == "die":
            is_bad = container not in asked and attributes.get("exitCode", "0") not in CLEAN_EXITS
            (bad.add if is_bad else bad.discard)(container)
        elif attributes.get("signal") not in HARMLESS_SIGNALS:
            asked.add(container)
    return bad


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
        is_log_unbounded=_is_log_unbounded(inspected["HostConfig"].get("LogConfig") or {}),
    )


def image(inspected: Document) -> ImageInfo:
    """Read the inspection of one image."""
    config = inspected.get("Config") or {}
    texts = config.get("Env") or ()
    variables = {name: value for name, _, value in (text.partition("=") for text in texts)}
    versions = (variables[name] for name in POSTGRES_VERSIONS if name in variables)
    return ImageInfo(
        inspected["Id"],
        tuple(inspected.get("RepoDigests") or ()),
        next(versions, "").partition("-")[0],
        (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
        bool((config.get("Labels") or {}).get(LABEL_WAITS_FOR_DATABASE)),
    )


def listed_image(listed: Document) -> ListedImage:
    """Read an entry of the list of images. One without a name is listed as ``<none>:<none>``."""
    return ListedImage(
        id=listed["Id"],
        references=tuple(tag for tag in listed.get("RepoTags") or () if tag != "<none>:<none>"),
        labels=listed.get("Labels") or {},
        bytes=listed.get("Size", 0),
        created=listed.get("Created", 0),
    )


def configuration(inspected: Document, image: Document) -> Configuration:
    """Read what a container was made with from its inspection, and that of its image."""
    config, host = inspected["Config"], inspected["HostConfig"]
    own = image.get("Config") or {}
    given = [text for text in config.get("Env") or () if text not in (own.get("Env") or ())]
    pairs = (variable.partition("=") for variable in given)
    command = config.get("Cmd") or ()
    mounts = inspected.get("Mounts") or ()
    return Configuration(
        image=config["Image"],
        image_id=inspected["Image"],
        environment={name: Secret(value) for name, _, value in pairs},
        command=() if command == (own.get("Cmd") or ()) else tuple(command),
        mounts=tuple(
            Mount(mount["Source"], mount["Destination"])
            for mount in mounts
            if mount["Type"] == "bind"
        ),
        volumes=tuple(mount["Destination"] for mount in mounts if mount["Type"] != "bind"),
        ports=tuple(_read_bindings(host.get("PortBindings") or {})),
        memory=host.get("Memory") or 0,
        cpus=(host.get("NanoCpus") or 0) / 1e9,
    )


def _read_bindings(bindings: Document) -> Iterable[Port]:
    """Read the TCP ports that were to be published. No address stands for all."""
    for inside, places in bindings.items():
        number, _, protocol = inside.partition("/")
        for place in places or () if protocol == "tcp" else ():
            if place.get("HostPort"):
                address = place.get("HostIp") or "0.0.0.0"  # noqa: S104
                yield Port(int(number), int(place["HostPort"]), address)


def _is_log_unbounded(log: Document) -> bool:
    """Whether a log only grows. Of the drivers that write to the disk, this is the only one."""
    return log.get("Type") == "json-file" and "max-size" not in (log.get("Config") or {})


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

"""Decide: whether an instance of an older tool can be taken over, and what changes. Pure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET, Env, Part
from wb_cli.errors import UsageError
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle.adoption.entry import (
    Choices,
    compare_entries,
    make_entry,
    split_variables,
)
from wb_cli.lifecycle.guard.problem import Problem
from wb_cli.lifecycle.planning.images import choose_images
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wb_cli.engine.configuration import Configuration
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.adoption.facts import Facts
    from wb_cli.secret import Secret

COMPOSE_LABEL = "com.docker.compose.project"
SWARM_LABEL = "com.docker.swarm.service.name"
# The paths in the containers at which an instance's folders are mounted.
PLACES = {
    Part.POSTGRES: {
        contract.POSTGRES_DATA_PATH: contract.DATABASES,
        contract.SANDBOX_PATH: contract.SANDBOX,
    },
    Part.VALKEY: {contract.VALKEY_DATA_PATH: contract.VALKEY_DATA},
    Part.PLATFORM: {
        contract.SANDBOX_PATH: contract.SANDBOX,
        contract.ASSETS_PATH: contract.ASSETS,
        contract.PLATFORM_DATABASES_PATH: contract.DATABASES,
    },
    Part.WAL: {},
    Part.ADMIN: {},
}
# Without these the part would lose its data.
NEEDED = ((Part.POSTGRES, contract.POSTGRES_DATA_PATH), (Part.VALKEY, contract.VALKEY_DATA_PATH))
CHANGE_IT = "Change it in the older tool, restart the instance there, then adopt it."


class Proposal(Struct, frozen=True):
    """What taking over an instance means.

    ``entry`` is its entry in the registry file, ``is_new`` whether it is to be added. ``changes``
    are what users of the instance may notice. With ``problems`` it cannot be taken over.
    """

    entry: Mapping[str, Any]
    is_new: bool
    changes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    password: Secret | None = None
    variables: Mapping[str, Secret] = {}


def propose(
    facts: Facts,
    settings: Settings,
    declared: Mapping[str, Any] | None,
    locate: Callable[[str], str],
    choices: Choices,
) -> Proposal:
    """Judge an instance of an older tool. ``locate`` gives the real path of a path."""
    group = facts.group
    missing = list(_find_missing(facts))
    if missing:
        return Proposal({}, is_new=declared is None, problems=tuple(missing))
    folder, misplaced = _find_folder(facts, settings, locate)
    entry = make_entry(facts, folder or group.instance, settings, choices)
    instance, broken = _parse(facts, entry)
    problems = [
        *_find_strangers(facts, settings),
        *misplaced,
        *_find_database_problems(facts, settings),
        *broken,
        *(_find_disagreements(declared, entry, settings) if instance and declared else ()),
    ]
    final = parse_entry(declared) if declared and not problems else instance
    return Proposal(
        entry=declared or entry,
        is_new=declared is None,
        changes=tuple(_list_changes(facts, settings, final)) if final and not problems else (),
        problems=tuple(problems),
        password=facts.password,
        variables=split_variables(facts.configurations[Part.PLATFORM]).secret,
    )


def _find_missing(facts: Facts) -> Iterator[Problem]:
    for part in (Part.PLATFORM, Part.POSTGRES):
        if part not in facts.configurations:
            name = part.container_name(facts.group.instance)
            there = (
                ", ".join(container.name for container in facts.group.containers.values())
                or "the network alone"
            )
            yield Problem(
                f"there is no container {name} to take over (there is {there})",
                "Start the instance with the older tool, then adopt it; or remove what is left "
                "of it, then run it.",
            )


def _find_strangers(facts: Facts, settings: Settings) -> Iterator[Problem]:
    """Find signs that the containers are not an older tool's, or not all of one instance."""
    group = facts.group
    for container in group.containers.values():
        for label in (COMPOSE_LABEL, SWARM_LABEL):
            if label in container.labels:
                yield Problem(
                    f"{container.name} belongs to {label}={container.labels[label]}",
                    "What made it would make it again: take it out of there first.",
                )
    platform = facts.configurations[Part.PLATFORM]
    said = platform.read_plain(Env.INSTANCE_ID)
    if said != group.instance:
        yield Problem(
            f"{group.instance} has {Env.INSTANCE_ID}={said or '(not set)'}, so it is no platform "
            f"of {group.instance}",
            f"Look at it with `docker inspect {group.instance}`; rename or remove it to go on.",
        )
    if facts.others:
        yield Problem(
            f"there are several platforms of {group.instance}: {group.instance}, "
            f"{', '.join(facts.others)}",
            f"Stop all but one: `docker stop {' '.join(facts.others)}`.",
        )
    for name in contract.PASSED_ON_SETTINGS:
        if platform.environment.get(name) and name not in settings.passed_on:
            yield Problem(
                f"{group.instance} was given {name}, and the settings have none",
                f"`wb config settings set {name}=-` reads it from input.",
            )


def _find_folder(
    facts: Facts, settings: Settings, locate: Callable[[str], str]
) -> tuple[str, list[Problem]]:
    """Find the instance's folder below the mount path, and the mounts that do not fit."""
    mount_path = PurePath(locate(str(settings.mount_path)))
    folders: dict[str, str] = {}
    problems = []
    for part, place, source in _list_mounts(facts):
        name = facts.group.containers[part].name
        wanted = PLACES[part][place]
        real = PurePath(locate(source))
        if real.name != wanted or not real.is_relative_to(mount_path) or real.parent == mount_path:
            problems.append(
                Problem(
                    f"{name} mounts {source} at {place}, which is not "
                    f"{settings.mount_path}/<folder>/{wanted}",
                    "If all instances lie elsewhere, set it: `wb --mount-path <path> adopt ...`. "
                    f"{CHANGE_IT}",
                )
            )
            continue
        folders.setdefault(str(real.parent.relative_to(mount_path)), name)
    if len(folders) > 1:
        told = ", ".join(f"{name} in {folder}" for folder, name in folders.items())
        problems.append(Problem(f"its folders lie in {len(folders)} places: {told}", CHANGE_IT))
    problems += _find_lost_data(facts)
    return next(iter(folders), ""), problems


def _list_mounts(facts: Facts) -> Iterator[tuple[Part, str, str]]:
    for part, configuration in facts.configurations.items():
        for place in PLACES[part]:
            if source := configuration.find_source(place):
                yield part, place, source


def _find_lost_data(facts: Facts) -> Iterator[Problem]:
    for part, place in NEEDED:
        configuration = facts.configurations.get(part)
        if configuration and not configuration.find_source(place):
            name = facts.group.containers[part].name
            where = "a volume of the engine" if place in configuration.volumes else "no folder"
            yield Problem(
                f"{name} keeps {place} in {where}, and wb uses folders of the host",
                "Copy its data to a folder of the instance while it is stopped, start it there "
                "with the older tool, then adopt it.",
            )


def _find_database_problems(facts: Facts, settings: Settings) -> Iterator[Problem]:
    name = facts.group.containers[Part.POSTGRES].name
    pgdata = facts.configurations[Part.POSTGRES].read_plain(Env.PGDATA)
    if pgdata != contract.PGDATA:
        yield Problem(
            f"{name} has its database at {pgdata or contract.POSTGRES_DATA_PATH}, and wb looks for "
            f"it at {contract.PGDATA}",
            "Move it into the folder `pgdata` of its folder while it is stopped, start it with "
            f"{Env.PGDATA}={contract.PGDATA} in the older tool, then adopt it.",
        )
    if facts.password is None:
        yield Problem(
            f"the password of the database is not known: {name} {facts.password_problem}",
            f"Give the platform the right {Env.PG_PASSWORD}, or the database the platform's: "
            f"`docker exec -it {name} psql -U postgres -c '\\password'`.",
        )
    if facts.postgres_major and facts.wanted_major not in {"", facts.postgres_major}:
        yield Problem(
            f"the database of {facts.group.instance} is PostgreSQL {facts.postgres_major}, and "
            f"{settings.postgres_image} is {facts.wanted_major}",
            f"`wb config settings set postgres_image=postgres:{facts.postgres_major}` keeps it; "
            "once it is adopted, `wb upgrade-postgres` moves it to another major version.",
        )


def _parse(facts: Facts, entry: Mapping[str, Any]) -> tuple[Instance | None, list[Problem]]:
    """Read the entry of what runs. A flaw names the container that has the value."""
    name = facts.group.instance
    platform = facts.configurations[Part.PLATFORM]
    hosts = {port.host for port in platform.ports if port.container == contract.PLATFORM_PORT}
    if len(hosts) != 1:
        told = ", ".join(map(str, sorted(hosts))) or "not at all"
        text = f"{name} must publish its port {contract.PLATFORM_PORT} once; it does: {told}"
        return None, [Problem(text, CHANGE_IT)]
    try:
        return parse_entry(dict(entry)), []
    except UsageError as error:
        return None, [Problem(f"what runs breaks a rule: {error.message}", CHANGE_IT)]


def _find_disagreements(
    declared: Mapping[str, Any], entry: Mapping[str, Any], settings: Settings
) -> Iterator[Problem]:
    id_ = entry["id"]
    for name, (there, here) in compare_entries(declared, entry, settings).items():
        yield Problem(
            f"the registry file says {name} {there}, and {here} runs",
            f"`wb config unset {id_} {name}` takes it away."
            if here == "none"
            else f"`wb config set {id_} {name}={here}` keeps what runs.",
        )


def _list_changes(facts: Facts, settings: Settings, instance: Instance) -> Iterator[str]:
    """List what users may notice afterwards."""
    configurations = facts.configurations
    places = (
        (Part.PLATFORM, instance.bind_address or settings.bind_address),
        (Part.POSTGRES, instance.postgres_bind_address or settings.postgres_bind_address),
    )
    for part, address in places:
        yield from _describe_port_change(part, configurations[part], instance, address)
    images = choose_images(instance, settings)
    for part, configuration in configurations.items():
        if part in images and configuration.image != images[part]:
            yield f"{part}: {images[part]} in the place of {configuration.image}"
        yield from _describe_limits(part, configuration, instance)
    if Part.VALKEY not in configurations:
        yield "valkey: there was none; the instance gets one"
    limit = instance.valkey_max_memory or settings.valkey_max_memory
    if facts.used_memory > limit:
        yield (
            f"valkey: holds {describe_size(facts.used_memory)}, and valkeyMaxMemory is "
            f"{describe_size(limit)}; what is used least is dropped"
        )
    yield from _describe_variables(configurations[Part.PLATFORM], settings, instance)


def _describe_port_change(
    part: Part, configuration: Configuration, instance: Instance, address: str
) -> Iterator[str]:
    is_platform = part is Part.PLATFORM
    inside = contract.PLATFORM_PORT if is_platform else contract.POSTGRES_PORT
    number = instance.port if is_platform else instance.port + POSTGRES_HOST_PORT_OFFSET
    old = next((port for port in configuration.ports if port.container == inside), None)
    if old is None:
        yield f"{part}: was not published; becomes {address}:{number}"
    elif (old.address, old.host) != (address, number):
        keeps = "" if old.address == address else " (`--keep-addresses` keeps the address)"
        yield f"{part}: was published on {old}, becomes {address}:{number}{keeps}"


def _describe_limits(part: Part, configuration: Configuration, instance: Instance) -> Iterator[str]:
    usual = contract.VALKEY_COMMAND if part is Part.VALKEY else ()
    if configuration.command not in {(), usual}:
        yield f"{part}: its command `{' '.join(configuration.command)}` is not carried over"
    kept = (instance.memory, instance.cpus) if part is Part.PLATFORM else (None, None)
    if configuration.memory and configuration.memory != kept[0]:
        yield f"{part}: its limit of {describe_size(configuration.memory)} memory ends"
    if configuration.cpus and configuration.cpus != kept[1]:
        yield f"{part}: its limit of {configuration.cpus:g} processors ends"
    others = [
        f"{mount.source}:{mount.target}"
        for mount in configuration.mounts
        if mount.target not in {*PLACES[part], contract.DOCKER_SOCKET_PATH}
    ]
    if others:
        yield f"{part}: not mounted any more: {', '.join(others)}"


def _describe_variables(
    platform: Configuration, settings: Settings, instance: Instance
) -> Iterator[str]:
    """Say which of the variables that settings decide get another value, without the values."""
    changed = [
        name
        for name in contract.PASSED_ON_SETTINGS
        if (name in settings.passed_on)
        and platform.environment.get(name) != settings.passed_on[name]
    ]
    url = f"https://{instance.id}.{settings.domain}"
    if platform.read_plain(Env.INSTANCE_REDIRECT_URL) not in {"", url}:
        old = platform.read_plain(Env.INSTANCE_REDIRECT_URL)
        yield f"platform: {Env.INSTANCE_REDIRECT_URL} {old} -> {url}"
    if (label := platform.read_plain(Env.INSTANCE_NAME)) not in {"", instance.label}:
        yield f"platform: {Env.INSTANCE_NAME} {label} -> {instance.label}"
    if changed:
        yield f"platform: {', '.join(changed)} as the settings say"
    secret = sorted(split_variables(platform).secret)
    if secret:
        yield f"platform: {', '.join(secret)} kept with the secrets, not in the registry file"

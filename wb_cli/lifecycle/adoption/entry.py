"""Decide: the entry of the registry file that describes what an older tool started. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import PASSED_ON_SETTINGS, Env, Part
from wb_cli.engine.configuration import strip_quotes
from wb_cli.instances.own_environment import find_objection
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.lifecycle.planning.images import choose_platform_image, name_stock_image
from wb_cli.lifecycle.record.masking import may_be_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wb_cli.engine.configuration import Configuration
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.adoption.facts import Facts
    from wb_cli.secret import Secret

_VERSION_IN_TAG = re.compile(r":(?:.*-)?v?(\d[\w.]*(?:-\w+)*)$")
_STOCK_VERSION = re.compile(r"wb-(?:fastr|hmis)-server-v(.+)$")
_ADMIN_VERSION = re.compile(r"wb-hmis-server-admin-v(.+)$")
HIDDEN = "(hidden)"
FLAGS = (
    (Env.INSTANCE_LANGUAGE, "fr", "french"),
    (Env.INSTANCE_CALENDAR, "ethiopian", "ethiopian"),
    (Env.OPEN_ACCESS, "1", "openAccess"),
)


class Variables(Struct, frozen=True):
    """The variables of a platform that are the instance's own: harmless ones, and possible secrets.

    Only harmless ones may stand in the registry file.
    """

    harmless: Mapping[str, str]
    secret: Mapping[str, Secret]


class Choices(Struct, frozen=True):
    """What the operator chooses for a new entry.

    With ``keep_addresses`` it is published on the same addresses as before. ``host`` is the host of
    its engine, as the field names it.
    """

    keep_addresses: bool = False
    host: str = ""


def make_entry(facts: Facts, folder: str, settings: Settings, choices: Choices) -> dict[str, Any]:
    """Describe a running instance as an entry. What does not fit is left for the rules to find.

    ``folder`` is the path of its folder below the mount path. What the settings say already is not
    said again.
    """
    instance_id, configurations = facts.group.instance, facts.configurations
    platform = configurations[Part.PLATFORM]
    entry: dict[str, Any] = {
        "id": instance_id,
        "label": platform.read_plain(Env.INSTANCE_NAME) or instance_id,
        "port": find_host_port(platform, contract.PLATFORM_PORT) or 0,
        "serverVersion": read_version(platform),
    }
    if choices.host:
        entry["host"] = choices.host
    if admin := read_admin_version(configurations):
        entry["adminVersion"] = admin
    if folder != instance_id:
        entry["instanceDir"] = folder
    entry |= {field: True for name, word, field in FLAGS if platform.read_plain(name) == word}
    entry |= _describe_image(entry, platform, settings)
    if own := split_variables(platform).harmless:
        entry["env"] = dict(own)
    if choices.keep_addresses:
        entry |= _read_addresses(configurations, settings)
    if facts.keeps_log and settings.cache_persistence != "aof":
        entry["cachePersistence"] = "aof"
    return entry


def read_version(platform: Configuration) -> str:
    """Read the version of a platform: from a stock image's tag, its environment, or any tag."""
    if stock := _STOCK_VERSION.search(platform.image):
        return stock[1]
    if said := platform.read_plain(Env.SERVER_VERSION):
        return said
    tagged = _VERSION_IN_TAG.search(platform.image)
    return tagged[1] if tagged else ""


def read_admin_version(configurations: Mapping[Part, Configuration]) -> str:
    """Read the version of the admin container. Empty if there is none."""
    admin = configurations.get(Part.ADMIN)
    if not admin:
        return ""
    if stock := _ADMIN_VERSION.search(admin.image):
        return stock[1]
    platform = configurations.get(Part.PLATFORM)
    return platform.read_plain(Env.ADMIN_VERSION) if platform else ""


def find_host_port(configuration: Configuration, inside: int) -> int | None:
    """Find the host's port at which a port of a container is published; ``None`` if nowhere."""
    return next((port.host for port in configuration.ports if port.container == inside), None)


def split_variables(platform: Configuration) -> Variables:
    """Split the instance's own variables of a platform into harmless ones and possible secrets."""
    own = {
        name: strip_quotes(value.reveal())
        for name, value in platform.environment.items()
        if name not in PASSED_ON_SETTINGS and name != "PATH" and not find_objection(name)
    }
    secret = {name for name, value in own.items() if may_be_secret(name, value)}
    return Variables(
        {name: value for name, value in own.items() if name not in secret},
        {name: platform.environment[name] for name in secret},
    )


def _describe_image(
    entry: Mapping[str, Any], platform: Configuration, settings: Settings
) -> dict[str, Any]:
    """Name the image if it is another one than wb would choose, and keep what it was given."""
    chosen = settings.platform_image
    usual = (
        chosen.format(version=entry["serverVersion"])
        if chosen
        else name_stock_image(entry["serverVersion"])
    )
    named = {} if usual == platform.image else {"image": platform.image}
    is_stock = not named and not chosen
    has_socket = bool(platform.find_source(contract.DOCKER_SOCKET_PATH))
    has_databases = bool(platform.find_source(contract.PLATFORM_DATABASES_PATH))
    given = {"dockerSocket": has_socket, "mountDatabases": has_databases}
    return named | {field: has for field, has in given.items() if has is not is_stock}


def _read_addresses(
    configurations: Mapping[Part, Configuration], settings: Settings
) -> dict[str, str]:
    """Read the addresses on which the ports are published, if they are not the settings'."""
    places = (
        ("bindAddress", Part.PLATFORM, contract.PLATFORM_PORT, settings.bind_address),
        (
            "postgresBindAddress",
            Part.POSTGRES,
            contract.POSTGRES_PORT,
            settings.postgres_bind_address,
        ),
    )
    found = {}
    for field, part, inside, usual in places:
        ports = configurations[part].ports if part in configurations else ()
        address = next((port.address for port in ports if port.container == inside), usual)
        if address != usual:
            found[field] = address
    return found


def compare_entries(
    declared: Mapping[str, Any], running: Mapping[str, Any], settings: Settings
) -> dict[str, tuple[str, str]]:
    """Compare a declared entry with what runs, in what must agree: declared value, running value.

    Raises:
        EntryError: one of them breaks a rule.
    """
    there, here = parse_entry(declared), parse_entry(running)
    pairs: dict[str, tuple[Any, Any]] = {
        "port": (there.port, here.port),
        "serverVersion": (there.server_version, here.server_version),
        "adminVersion": (there.admin_version, here.admin_version),
        "instanceDir": (there.folder, here.folder),
        "image": (
            choose_platform_image(there, settings),
            choose_platform_image(here, settings),
        ),
    }
    differing = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if "serverVersion" in differing:
        differing.pop("image", None)
    return {
        name: (str(old or "none"), str(new or "none")) for name, (old, new) in differing.items()
    }


def hide_variables(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give an entry with the values of its variables hidden, as every answer shows it."""
    if not isinstance(entry.get("env"), dict):
        return dict(entry)
    return {**entry, "env": dict.fromkeys(entry["env"], HIDDEN)}

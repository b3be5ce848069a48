"""Look at what an older tool left of an instance. Nothing is changed."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import Env, Part
from wb_cli.engine.base import Streams
from wb_cli.engine.configuration import strip_quotes
from wb_cli.errors import EngineError, NotFoundError
from wb_cli.lifecycle.readiness import probes
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wb_cli.engine.base import Engine
    from wb_cli.engine.configuration import Configuration
    from wb_cli.engine.types import Observed
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.lifecycle.adoption.group import Group

POSTGRES_PASSWORD = "POSTGRES_PASSWORD"  # noqa: S105  (a name)
# Only a connection from another address than 127.0.0.1 needs the password. It comes as input, so
# that it is on no command line.
ASK_FOR_VERSION = (
    "IFS= read -r PGPASSWORD; export PGPASSWORD; "
    'exec psql -w -h "$0" -U postgres -d postgres -Atc "show server_version_num"'
)
VERSIONS_IN_A_MAJOR = 10_000


class Facts(Struct, frozen=True):
    """What is known of an instance of an older tool.

    ``password`` is the one that the database accepts; without it ``password_problem`` says why.
    ``postgres_major`` is what runs, ``wanted_major`` what wb would start; empty if not known.
    ``others`` are further platforms of the same instance. ``used_memory`` is Valkey's, in bytes,
    and ``save_s`` how long its last snapshot took.
    """

    group: Group
    configurations: Mapping[Part, Configuration]
    password: Secret | None = None
    password_problem: str = ""
    postgres_major: str = ""
    wanted_major: str = ""
    others: tuple[str, ...] = ()
    used_memory: int = 0
    save_s: float = 0.0
    keeps_log: bool = False


def look(engine: Engine, settings: Settings, group: Group, observed: Observed) -> Facts:
    """Look at the containers of a group, and ask the database whether it knows the password."""
    configurations = {}
    for part, container in group.containers.items():
        with suppress(NotFoundError):  # it ended after the listing, and removed itself
            configurations[part] = engine.read_configuration(container.id)
    password, problem, major = _find_password(engine, group, configurations)
    wanted = engine.find_image(settings.postgres_image)
    valkey = _ask_valkey(group)
    return Facts(
        group=group,
        configurations=configurations,
        password=password,
        password_problem=problem,
        postgres_major=major,
        wanted_major=wanted.postgres_version.partition(".")[0] if wanted else "",
        others=tuple(_find_other_platforms(engine, group, configurations, observed)),
        used_memory=int(valkey.get("used_memory", 0)),
        save_s=max(0.0, float(valkey.get("rdb_last_bgsave_time_sec", 0))),
        keeps_log=valkey.get("aof_enabled") == "1",
    )


def _ask_valkey(group: Group) -> Mapping[str, str]:
    address = group.address_of(Part.VALKEY)
    return probes.read_valkey_info(address, contract.VALKEY_PORT) if address else {}


def _find_password(
    engine: Engine, group: Group, configurations: Mapping[Part, Configuration]
) -> tuple[Secret | None, str, str]:
    """Find the password that the database accepts, with its version; else why there is none."""
    postgres = group.containers.get(Part.POSTGRES)
    if not postgres or Part.POSTGRES not in configurations:
        return None, "is not there", ""
    if not postgres.is_running:
        return None, f"is {postgres.state}, so the password cannot be tried", ""
    problems = []
    tried = set()
    for origin, candidate in _list_passwords(engine, group, configurations):
        if isinstance(candidate, str):
            problems.append(f"{origin} {candidate}")
        elif candidate not in tried:
            tried.add(candidate)
            version = _ask_for_version(engine, postgres.id, group, candidate)
            if version.isdecimal():
                return candidate, "", str(int(version) // VERSIONS_IN_A_MAJOR)
            problems.append(f"refuses {origin}: {version}")
    return None, "; ".join(problems) or "was given no password", ""


def _list_passwords(
    engine: Engine, group: Group, configurations: Mapping[Part, Configuration]
) -> Iterator[tuple[str, Secret | str]]:
    """List the passwords that were given, each with its origin; a text says why one is unknown."""
    given = (
        (Part.PLATFORM, Env.PG_PASSWORD),
        (Part.PLATFORM, POSTGRES_PASSWORD),
        (Part.POSTGRES, POSTGRES_PASSWORD),
        (Part.POSTGRES, Env.PG_PASSWORD),
    )
    for part, name in given:
        value = configurations[part].environment.get(name) if part in configurations else None
        if value and value.reveal():
            origin = f"{name} of {group.containers[part].name}"
            yield origin, value
            if (plain := strip_quotes(value.reveal())) != value.reveal():
                yield origin, Secret(plain)
    path = configurations[Part.POSTGRES].read_plain(Env.POSTGRES_PASSWORD_FILE)
    if path:
        code, content = engine.execute(group.containers[Part.POSTGRES].id, ("cat", path))
        words = content.decode(errors="replace").rstrip("\n")
        origin = f"{Env.POSTGRES_PASSWORD_FILE}={path}"
        yield origin, f"cannot be read: {words[-200:]}" if code else Secret(words)


def _ask_for_version(engine: Engine, postgres: str, group: Group, password: Secret) -> str:
    """Connect with a password, and give PostgreSQL's version, or the last line of what it says."""
    output: list[bytes] = []
    reader, writer = os.pipe()
    try:
        os.write(writer, password.reveal().encode() + b"\n")
        os.close(writer)
        address = group.address_of(Part.POSTGRES)
        command = ("sh", "-c", ASK_FOR_VERSION, address)
        engine.converse(postgres, command, Streams(output.append, output.append, reader))
    except EngineError as error:
        return error.message
    finally:
        os.close(reader)
    lines = b"".join(output).decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no answer"


def _find_other_platforms(
    engine: Engine,
    group: Group,
    configurations: Mapping[Part, Configuration],
    observed: Observed,
) -> Iterator[str]:
    """Find further containers on the same network that run the platform of the same instance."""
    platform = group.containers.get(Part.PLATFORM)
    own = {container.id for container in group.containers.values()}
    networks = set(platform.networks) if platform else set()
    for container in observed.containers:
        is_near = container.is_active and networks.intersection(container.networks)
        if container.id in own or not is_near or container.labelled_instance:
            continue
        with suppress(NotFoundError):
            other = engine.read_configuration(container.id)
            is_same_id = other.read_plain(Env.INSTANCE_ID) == group.instance
            if is_same_id or other.image_id == configurations[Part.PLATFORM].image_id:
                yield container.name

"""Checks of what other machines, other users and the platform itself can reach."""

from __future__ import annotations

import shlex
from ipaddress import ip_address
from typing import TYPE_CHECKING

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.lifecycle.planning.images import is_stock
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.checks.paths import write_path
from wb_cli.observe.doctor.finding import ID, Severity, Sign, of_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.model import Instance
    from wb_cli.observe.doctor.facts import Facts

FIELDS = {Part.PLATFORM: "bindAddress", Part.POSTGRES: "postgresBindAddress"}
ATTRIBUTES = {Part.PLATFORM: "bind_address", Part.POSTGRES: "postgres_bind_address"}


@check("exposed", "others can reach it around nginx and its TLS; Docker opens the firewall for it")
def find_exposed_ports(facts: Facts) -> Iterator[Sign]:
    """A port is published, or would be, on another address than loopback."""
    for known in facts.known:
        id_ = known.instance.id
        declared = _list_addresses(known.instance, facts)
        for part, address in declared.items():
            if not _is_loopback(address):
                severity = Severity.NOTICE if part is Part.PLATFORM else Severity.WARNING
                what = f"{part} is published on {address}"
                is_own = getattr(known.instance, ATTRIBUTES[part]) is not None
                change = f"unset {ID} {FIELDS[part]}" if is_own else f"set {ID} {_close(part)}"
                advice = "" if is_own else f"Or for all: {ATTRIBUTES[part]} in the settings."
                command = f"wb config {change} && wb run {ID}"
                yield of_instance(id_, severity, what, command, advice)
        for container in facts.containers_of(id_):
            for port in container.ports:
                if not _is_loopback(port.address) and port.address not in declared.values():
                    what = f"{container.part} is published on {port.address}, which is not declared"
                    yield of_instance(id_, Severity.WARNING, what, "wb restart {ids}")


def _list_addresses(instance: Instance, facts: Facts) -> dict[Part, str]:
    settings = facts.settings
    return {
        Part.PLATFORM: instance.bind_address or settings.bind_address,
        Part.POSTGRES: instance.postgres_bind_address or settings.postgres_bind_address,
    }


def _close(part: Part) -> str:
    return f"{FIELDS[part]}=127.0.0.1"


def _is_loopback(address: str) -> bool:
    return ip_address(address).is_loopback


@check("docker-socket", "whoever breaks into the platform has this machine, as root")
def find_docker_sockets(facts: Facts) -> Iterator[Sign]:
    """A platform gets the engine's socket."""
    for known in facts.known:
        wish = known.instance.docker_socket
        if is_stock(known.instance, facts.settings) if wish is None else wish:
            advice = "Stock platforms need it, to start containers of their own."
            yield of_instance(
                known.instance.id,
                Severity.NOTICE,
                "the platform has the Docker socket",
                "wb config set {id} dockerSocket=false && wb run {id}",
                advice,
            )


@check("folder-open", "every user of this machine can change or replace the data in it")
def find_open_folders(facts: Facts) -> Iterator[Sign]:
    """A folder that only servers should write to is open to everybody. The sandbox is meant so."""
    for access in facts.machine.owned:
        if access.is_writable_by_others:
            what = f"every user may write to {access.path}"
            yield Sign(Severity.WARNING, what, f"chmod o-w {shlex.quote(access.path)}")
    for known in facts.known:
        for folder in known.folders:
            is_open = folder.access and folder.access.is_writable_by_others
            if is_open and folder.name != contract.SANDBOX:
                what = f"every user may write to its folder {folder.name}"
                command = f"chmod o-w {write_path(known.instance, facts, folder.name)}"
                yield of_instance(known.instance.id, Severity.WARNING, what, command)


@check("folder-owner", "that user can have wb, as root, mount or replace what he likes")
def find_owned_folders(facts: Facts) -> Iterator[Sign]:
    """The mount path or the registry file belongs to another user than root and wb's own."""
    for access in facts.machine.owned:
        if access.owner not in {0, facts.user}:
            what = f"{access.path} belongs to the user with the number {access.owner}"
            command = f"chown root: {shlex.quote(access.path)}"
            yield Sign(Severity.NOTICE, what, command, "Keep it if that user is the operator.")


@check("secrets-open", "other users of this machine can read passwords and keys")
def find_open_secrets(facts: Facts) -> Iterator[Sign]:
    """A file with secrets, or the folder of such files, is not its owner's alone."""
    for file in facts.machine.private_files:
        if not file.is_private:
            what = f"{file.path} has the mode {file.mode:04o}, so others can read or use it"
            yield Sign(Severity.WARNING, what, f"chmod go= {shlex.quote(file.path)}")

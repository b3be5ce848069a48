"""Checks of the Docker Engine: is it there, new enough, and set up to keep a fleet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wb_cli.errors import EngineUnreachableError
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import Severity, Sign, of_instance
from wb_cli.quantities import describe_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.observe.doctor.facts import Facts

OLDEST_ENGINE = (20, 10)
OLDEST_KERNEL = (4, 18)
SLOW_DRIVERS = {"vfs", "devicemapper", "aufs", "overlay"}
# `docker logs` can read what these drivers write.
READABLE_LOGS = {"json-file", "local", "journald"}
CLOCKS_APART_S = 5
SHOW_INFO = "docker info"


@check("engine-unreachable", "what runs, and how, is not known; no command can change anything")
def find_engine_down(facts: Facts) -> Iterator[Sign]:
    """The engine does not answer."""
    if facts.engine_error:
        error = facts.engine_error
        is_absent = isinstance(error, EngineUnreachableError) and error.is_absent
        command = "wb setup --install-engine" if is_absent else "wb setup"
        if facts.engine_choice:
            command = f"unset {facts.engine_choice[0]}"
        yield Sign(Severity.CRITICAL, error.message, command, error.hint)


@check("not-known", "what is not known may be broken, or may be well")
def find_unknown(facts: Facts) -> Iterator[Sign]:
    """Something could not be looked at."""
    for unknown in facts.unknown:
        what = f"{unknown.what} is not known: {unknown.reason}"
        if unknown.instance:
            yield of_instance(unknown.instance, Severity.UNKNOWN, what, "wb status {ids}")
        else:
            yield Sign(Severity.UNKNOWN, what, "wb doctor", "Look again, as root.")


@check("engine-elsewhere", "some of what goes wrong on another machine cannot be seen from here")
def find_engine_elsewhere(facts: Facts) -> Iterator[Sign]:
    """The engine runs on another machine."""
    if not facts.is_local:
        what = (
            "the engine runs on another machine. Not looked at there: which processes listen on "
            "the ports, nginx and certificates, what comes back after a reboot, and who may read "
            "wb's files"
        )
        yield Sign(Severity.UNKNOWN, what, "ssh <that machine> wb doctor")


@check("engine-chosen", "another shell, or a reboot, may lead wb to another engine")
def find_chosen_engine(facts: Facts) -> Iterator[Sign]:
    """The environment chooses the engine."""
    for name in facts.engine_choice:
        what = f"{name} is set, so it decides which engine wb works on"
        yield Sign(Severity.NOTICE, what, f"unset {name}", "Keep it if it is meant.")


@check("engine-old", "wb is tried on Engine 20.10 and newer alone")
def find_old_engine(facts: Facts) -> Iterator[Sign]:
    """The engine is older than any that wb is tried on."""
    if facts.engine and (0,) < _read_version(facts.engine.version) < OLDEST_ENGINE:
        yield Sign(
            Severity.CRITICAL,
            f"the engine is version {facts.engine.version}",
            "apt-get update && apt-get install docker.io",
            "Stop the instances before, and run them after.",
        )


@check("kernel-old", "older kernels lack what current engines and PostgreSQL images need")
def find_old_kernel(facts: Facts) -> Iterator[Sign]:
    """The kernel is older than any that engines are still tried on."""
    if facts.engine and (0,) < _read_version(facts.engine.kernel) < OLDEST_KERNEL:
        yield Sign(
            Severity.WARNING,
            f"the kernel is version {facts.engine.kernel}",
            "apt-get update && apt-get dist-upgrade",
            "Reboot after it.",
        )


@check("storage-driver", "it copies whole images for each container, or is no longer maintained")
def find_slow_storage(facts: Facts) -> Iterator[Sign]:
    """The engine keeps its containers in a slow or abandoned way."""
    if facts.engine and facts.engine.storage_driver in SLOW_DRIVERS:
        yield Sign(
            Severity.WARNING,
            f"the engine's storage driver is {facts.engine.storage_driver}",
            "wb images save images.tar",
            'Then set "storage-driver": "overlay2" in /etc/docker/daemon.json, restart the '
            "engine, and load the images: the change hides those that are there.",
        )


@check("log-driver", "`docker logs` shows nothing of containers that others start on this engine")
def find_unreadable_logs(facts: Facts) -> Iterator[Sign]:
    """The engine's own log driver keeps nothing that can be read here."""
    if facts.engine and facts.engine.log_driver not in READABLE_LOGS:
        yield Sign(
            Severity.NOTICE,
            f"the engine's log driver is {facts.engine.log_driver or 'none'}",
            SHOW_INFO,
            'Set "log-driver": "local" in /etc/docker/daemon.json and restart the engine. '
            "Containers of wb are not concerned.",
        )


@check("engine-warning", "a limit that an instance declares may not hold")
def find_engine_warnings(facts: Facts) -> Iterator[Sign]:
    """The engine warns of something itself."""
    for warning in facts.engine.warnings if facts.engine else ():
        what = f"the engine says: {warning.removeprefix('WARNING: ')}"
        yield Sign(Severity.NOTICE, what, SHOW_INFO)


@check("clock-apart", "times in logs and data are wrong, and certificates may not be accepted")
def find_clocks_apart(facts: Facts) -> Iterator[Sign]:
    """The clocks of the engine's machine, or of a database, and of this machine differ."""
    command, advice = "timedatectl set-ntp true", "Run it on both machines."
    if facts.engine and abs(facts.engine.clock_ahead_s) > CLOCKS_APART_S:
        what = f"the clock of the engine's machine is {_describe(facts.engine.clock_ahead_s)}"
        yield Sign(Severity.WARNING, what, command, advice)
    for known in facts.known:
        if known.database and abs(known.database.clock_ahead_s) > CLOCKS_APART_S:
            what = f"the database's clock is {_describe(known.database.clock_ahead_s)}"
            yield of_instance(known.instance.id, Severity.WARNING, what, command, advice)


@check("engine-not-at-boot", "after a reboot no instance runs until somebody starts the engine")
def find_engine_not_at_boot(facts: Facts) -> Iterator[Sign]:
    """The machine does not start the engine."""
    if facts.machine.is_engine_started_at_boot is False:
        what = "systemd does not start the engine with the machine"
        yield Sign(Severity.WARNING, what, "systemctl enable docker")


@check("no-autostart", "what the engine starts before the disk is there stays down after a reboot")
def find_no_autostart(facts: Facts) -> Iterator[Sign]:
    """The data has a disk of its own, and nothing starts instances once it is mounted."""
    if facts.machine.has_autostart is False:
        what = "the data has a disk of its own, and wb does not start with the machine"
        yield Sign(Severity.NOTICE, what, "wb autostart install")


def _read_version(text: str) -> tuple[int, ...]:
    """Read the first two numbers of a version; ``(0,)`` stands for a version without a number."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0,)


def _describe(ahead_s: float) -> str:
    direction = "ahead of" if ahead_s > 0 else "behind"
    return f"{describe_duration(abs(ahead_s))} {direction} this machine's"

"""Checks of the containers that the engine has: wb's own, left-over ones, and other people's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import CARRIER_SUFFIX, PREVIOUS_SUFFIX, SPARE_PARTS, Part
from wb_cli.engine.types import RestartPolicy, State
from wb_cli.lifecycle.guard.preflight import find_foreign
from wb_cli.lifecycle.stop_selection import find_instances
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import ID, Severity, Sign, of_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.observe.doctor.facts import Facts

MANY_RESTARTS = 3
# With "restart": "no" these run with --rm.
RUN_ONCE = (Part.POSTGRES, Part.VALKEY)
SIDE_NAMES = (PREVIOUS_SUFFIX, CARRIER_SUFFIX)


@check("part-down", "the instance does not serve, or serves without its cache")
def find_parts_that_are_down(facts: Facts) -> Iterator[Sign]:
    """An instance runs in part."""
    for known in facts.known:
        current = {
            container.part: container
            for container in facts.containers_of(known.instance.id)
            if not container.name.endswith(SIDE_NAMES)
        }
        for part in known.instance.parts if current else ():
            container = current.get(part)
            if container is None or container.state is not State.RUNNING:
                condition = f"is {container.state}" if container else "is not there"
                severity = Severity.WARNING if part in SPARE_PARTS else Severity.CRITICAL
                advice = f"`wb logs {ID} --part {part}` has what it said."
                yield of_instance(
                    known.instance.id, severity, f"{part} {condition}", "wb run {ids}", advice
                )


@check("restarts", "a part that keeps ending loses what its users were doing each time")
def find_restarts(facts: Facts) -> Iterator[Sign]:
    """The engine had to start a part again several times."""
    for known in facts.known:
        for container in facts.containers_of(known.instance.id):
            detail = facts.details.get(container.id)
            if detail and detail.restart_count >= MANY_RESTARTS:
                what = f"{container.part} was started again {detail.restart_count} times"
                what += " (its memory was used up)" if detail.oom_killed else ""
                advice = f"`wb logs {ID} --part {container.part}` says why it ended."
                yield of_instance(
                    known.instance.id, Severity.WARNING, what, "wb restart {ids}", advice
                )


@check("not-supervised", "after a reboot, or when it ends, nothing starts it again")
def find_unsupervised_parts(facts: Facts) -> Iterator[Sign]:
    """The engine would not start a running part again, although it should."""
    for known in facts.known:
        for container in facts.containers_of(known.instance.id):
            detail = facts.details.get(container.id)
            is_alone = detail and detail.restart_policy != RestartPolicy.ALWAYS
            if is_alone and container.is_running and not _may_be_alone(container, known.instance):
                what = f"the engine does not start {container.part} again"
                yield of_instance(known.instance.id, Severity.WARNING, what, "wb run {ids}")


def _may_be_alone(container: ObservedContainer, instance: Instance) -> bool:
    """Whether nothing needs to start it again: it is left over, or is declared so."""
    runs_once = instance.restart == "no" and container.part in RUN_ONCE
    return runs_once or container.name.endswith(SIDE_NAMES)


@check("left-over", "it takes room, and one that runs may write to the data of its successor")
def find_left_overs(facts: Facts) -> Iterator[Sign]:
    """A container that a run had set aside is still there."""
    for known in facts.known:
        for container in facts.containers_of(known.instance.id):
            if container.name.endswith(SIDE_NAMES):
                what = f"{container.part} has a container left over from an interrupted command"
                severity = Severity.NOTICE
                if container.is_active:
                    what, severity = f"{what}, which runs", Severity.WARNING
                yield of_instance(known.instance.id, severity, what, "wb run {ids}")


@check("undeclared", "no `wb run all` renews it and no change reaches it, but it takes memory")
def find_undeclared(facts: Facts) -> Iterator[Sign]:
    """The engine has an instance of this registry file that the file does not have."""
    registry = facts.registry
    refused = {entry.id for entry in registry.refused}
    ours = find_instances(facts.observed, str(facts.settings.servers_file))
    for id_ in () if facts.registry_error else sorted(ours - set(registry.ids()) - refused):
        if facts.chooses_all:
            what = "it is on the engine, and not in the registry file"
            yield of_instance(id_, Severity.WARNING, what, "wb stop {ids}")


@check("name-taken", "wb does not touch what is not its own, so the instance cannot start")
def find_foreign_things(facts: Facts) -> Iterator[Sign]:
    """A container or network of somebody else has a name of an instance."""
    file = str(facts.settings.servers_file)
    for known in facts.known:
        for problem in find_foreign(known.instance.id, facts.observed, file):
            command = "docker ps --all --filter name={id}"
            yield of_instance(
                known.instance.id, Severity.WARNING, problem.message, command, problem.remedy
            )


@check("log-unbounded", "its log grows until the engine's disk is full, and all databases stop")
def find_unbounded_logs(facts: Facts) -> Iterator[Sign]:
    """The log of a container has no limit. wb's own have one, others' often have none."""
    for container in facts.observed.containers:
        detail = facts.details.get(container.id)
        if detail and detail.is_log_unbounded:
            yield _describe_log(container)


def _describe_log(container: ObservedContainer) -> Sign:
    what = "its log has no limit"
    if container.instance:
        return of_instance(container.instance, Severity.NOTICE, what, "wb restart {ids}")
    advice = (
        "Start it again with `--log-opt max-size=10m`, or set a limit for all new containers "
        "in /etc/docker/daemon.json."
    )
    return Sign(Severity.NOTICE, what, "docker inspect {ids}", advice, container.name)

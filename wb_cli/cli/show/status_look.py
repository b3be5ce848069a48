"""Look at the instances of a command line on their hosts, all hosts side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.cli.hosts import LateError, ask_each, list_hosts, settle
from wb_cli.errors import UsageError, WbError
from wb_cli.observe.status.hosts import Chosen, put_together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.instances.selectors import Selection
    from wb_cli.observe.status.instance_state import InstanceStatus
    from wb_cli.observe.status.survey import Survey

    Older = Mapping[str | None, Sequence[str]]
    Look = tuple[list[InstanceStatus], Sequence[WbError], Older | None]

# After the listing, a host gets this much time more than its parts, which have a deadline, too.
SLACK_S = 2.0


def group(wb: Wb, selection: Selection, *, everything: bool) -> dict[str | None, Chosen]:
    """Group what is to be looked at by its host.

    With ``everything``, each host that the registry file names is there, because it may have
    instances that the file lacks. ``--host`` then leaves out what is declared on other hosts.

    Raises:
        UsageError: ``--host`` chose another host than that of a named instance.
    """
    instances: dict[str | None, list[Instance]] = {}
    refused: dict[str | None, list[RefusedEntry]] = {}
    names: list[str | None] = list_hosts(wb) if everything else []
    for instance in selection.instances:
        if (host := _find_host(wb, instance, tolerant=everything)) is not None:
            instances.setdefault(host.host, []).append(instance)
    for entry in selection.refused:
        if (host := _find_host(wb, entry, tolerant=everything)) is not None:
            refused.setdefault(host.host, []).append(entry)
    return {
        name: Chosen(tuple(instances.get(name, ())), tuple(refused.get(name, ())))
        for name in dict.fromkeys([*names, *instances, *refused])
    }


def _find_host(wb: Wb, entry: Instance | RefusedEntry, *, tolerant: bool) -> Wb | None:
    try:
        return settle(wb, entry)
    except UsageError:
        if tolerant:
            return None
        raise


def look(
    wb: Wb,
    groups: Mapping[str | None, Chosen],
    *,
    orphans: bool,
    finish: Callable[[Wb, Survey], list[InstanceStatus]],
    within_s: float,
) -> Look:
    """Look at all hosts side by side. Give the states, and the errors of hosts that are unknown.

    ``finish`` looks closer at a host that has given its listing in time. It gets ``within_s`` more.
    With ``orphans``, give what an older tool left on each, too; ``None`` if a host is unknown.
    """
    surveys, seen = _list_each(wb, groups, orphans=orphans)
    more_s, declared = within_s + SLACK_S, _list_declared(wb)
    older: dict[str | None, list[str]] = {}

    def look_closer(host: Wb) -> list[InstanceStatus]:
        survey = surveys[host.host]
        if orphans:
            older[host.host] = survey.find_older()
        return finish(host, survey)

    seen |= ask_each(wb, surveys, look_closer, more_s)
    errors = _give_up_late(wb, seen)
    left = {host: [id_ for id_ in ids if id_ not in declared] for host, ids in older.items()}
    return put_together(groups, seen, declared), errors, left if orphans and not errors else None


def list_ids(
    wb: Wb, groups: Mapping[str | None, Chosen], *, orphans: bool
) -> tuple[list[str], Sequence[WbError]]:
    """List the ids of all hosts. Give the errors of hosts that may have more of them."""
    surveys, errors = _list_each(wb, groups, orphans=orphans)
    declared = _list_declared(wb)
    ids = {id_: None for name in errors for id_ in groups[name].ids}
    for name, survey in surveys.items():
        ids |= {id_: None for id_ in survey.ids if declared.get(id_, name) == name}
    return sorted(ids, key=lambda id_: (id_ not in declared, id_)), _give_up_late(wb, errors)


def _list_each(
    wb: Wb, groups: Mapping[str | None, Chosen], *, orphans: bool
) -> tuple[dict[str | None, Survey], dict[str | None, list[InstanceStatus] | WbError]]:
    """List what each host has. Give the listings, and the errors in the place of others."""
    from wb_cli.observe.status.survey import Survey

    def list_there(host: Wb) -> Survey:
        chosen = groups[host.host]
        return Survey(host.fleet, chosen.instances, orphans=orphans, refused=chosen.refused)

    answers = ask_each(wb, groups, list_there, wb.settings.host_timeout)
    surveys = {name: each for name, each in answers.items() if not isinstance(each, WbError)}
    return surveys, {name: each for name, each in answers.items() if isinstance(each, WbError)}


def _give_up_late(
    wb: Wb, seen: Mapping[str | None, list[InstanceStatus] | WbError]
) -> list[WbError]:
    """Give the errors. wb waits no more for what was late."""
    for name, answer in seen.items():
        if isinstance(answer, LateError):
            wb.at(name).give_up()
    return [answer for answer in seen.values() if isinstance(answer, WbError)]


def _list_declared(wb: Wb) -> dict[str, str | None]:
    """List the host of every instance. One that is declared elsewhere is no orphan here."""
    hosts = {instance.id: instance.host for instance in wb.registry.instances}
    hosts |= {entry.id: entry.host for entry in wb.registry.refused if entry.id}
    return dict.fromkeys(hosts) if wb.chosen else hosts

"""Gather the facts once: what the engine, this machine, the registry file and the settings say."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import EngineUnreachableError, WbError
from wb_cli.instances.hosts import keep_host, refuse_other_hosts
from wb_cli.instances.selectors import select, select_everything
from wb_cli.lifecycle.fleet import Fleet
from wb_cli.lifecycle.machine.opening import find_machine
from wb_cli.observe.backups import Backups
from wb_cli.observe.doctor.facts import Facts
from wb_cli.observe.doctor.gather import gather
from wb_cli.observe.doctor.look_at_backups import ask_about_backups
from wb_cli.observe.doctor.look_at_instances import (
    ask_about_containers,
    ask_about_instance,
    collect_details,
    collect_known,
)
from wb_cli.observe.doctor.look_at_machine import ask_about_machine, collect_machine
from wb_cli.observe.doctor.look_elsewhere import ask_about_machine_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.description import EngineDescription
    from wb_cli.engine.types import Observed
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.store import RegistryFile
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.observe.doctor.gather import Job, Question

# The seconds for the first questions to the engine, and then for all others.
ENGINE_WITHIN_S, ALL_WITHIN_S = 10.0, 20.0
# A machine elsewhere answers one question after the other, over a link that may be slow.
ELSEWHERE_WITHIN_S = 60.0
CHOICES_OF_ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT")
ENGINE = ("", "the Docker Engine")
NO_REMEDY = "It is there, and busy or stuck: its own log says more (`journalctl -u docker`)."


def look(  # noqa: PLR0913  (what there is to look at, and where)
    selectors: Sequence[str],
    registry_file: RegistryFile,
    settings: Settings,
    secrets: SecretStore,
    open_engine: Callable[[], Engine],
    *,
    host: str | None = None,
) -> Facts:
    """Look at everything that the checks judge. Change nothing.

    ``host`` is that of the engine, if it is not the engine of those that name none. Instances of
    other hosts are left out.

    Raises:
        UsageError: a selector names no instance, or one of another host.
        WbError: instances are chosen, and the registry file cannot be read.
    """
    facts = _read_files(selectors, registry_file, settings, host)
    seen = _ask_engine(open_engine)
    backups = Backups(settings, secrets, host)
    facts = replace(facts, copies=backups.copies)
    if isinstance(seen, WbError):
        facts = replace(facts, engine_error=seen, is_local=_is_expected_here())
        return _look_further(facts, None, ask_about_backups(facts, backups))
    facts = replace(
        facts,
        engine=seen.description,
        observed=seen.observed,
        is_local=seen.engine.is_local,
    )
    fleet = Fleet(seen.engine, settings, secrets, find_machine(seen.engine, settings))
    with closing(fleet):
        return _look_further(facts, fleet, ask_about_backups(facts, backups))


class _Seen(Struct, frozen=True):
    """An engine that answers, what it says of itself, and what it has."""

    engine: Engine
    description: EngineDescription
    observed: Observed


def _ask_engine(open_engine: Callable[[], Engine]) -> _Seen | WbError:
    """Ask the engine for what all else depends on, or say why it does not answer."""

    def ask() -> _Seen | WbError:
        try:
            engine = open_engine()
            return _Seen(engine, engine.describe(), engine.observe())
        except WbError as error:
            return error

    answers, unknown = gather({ENGINE: ask}, ENGINE_WITHIN_S)
    if unknown:
        return EngineUnreachableError(f"the Docker Engine gives {unknown[0].reason}", NO_REMEDY)
    seen: _Seen | WbError = answers[ENGINE]
    return seen


def _is_expected_here() -> bool:
    """Whether an engine that does not answer would be on this machine."""
    host = os.environ.get("DOCKER_HOST", "")
    return host.startswith("unix:") or not (host or os.environ.get("DOCKER_CONTEXT"))


def _read_files(
    selectors: Sequence[str], registry_file: RegistryFile, settings: Settings, host: str | None
) -> Facts:
    facts = Facts(
        settings=settings,
        chooses_all=not selectors,
        engine_choice=tuple(name for name in CHOICES_OF_ENGINE if os.environ.get(name)),
        user=os.geteuid(),
        overridden=_find_overridden(settings),
    )
    try:
        registry, doubts = registry_file.read(), tuple(registry_file.find_doubts())
    except WbError as error:
        if selectors:
            raise
        return replace(facts, registry_error=error)
    if selectors:
        chosen = select(selectors, registry)
        refuse_other_hosts((*chosen.instances, *chosen.refused), host)
    registry = keep_host(registry, host)
    chosen = chosen if selectors else select_everything(registry)
    return replace(facts, registry=registry, doubts=doubts).choose(chosen)


def _look_further(facts: Facts, fleet: Fleet | None, jobs: dict[Question, Job]) -> Facts:
    """Ask everything else side by side, about this machine, the containers and the instances."""
    jobs |= ask_about_containers(facts, fleet) if fleet else {}
    for known in facts.known:
        jobs |= ask_about_instance(known.instance, facts, fleet)
    if facts.is_local:
        jobs |= ask_about_machine(facts)
    if fleet and fleet.elsewhere:
        jobs |= ask_about_machine_elsewhere(facts, fleet.elsewhere)
    answers, unknown = gather(jobs, ALL_WITHIN_S if facts.is_local else ELSEWHERE_WITHIN_S)
    return replace(
        facts,
        known=tuple(collect_known(known.instance, answers) for known in facts.known),
        details=collect_details(answers),
        machine=collect_machine(answers),
        unknown=tuple(unknown),
    )


def _find_overridden(settings: Settings) -> tuple[str, ...]:
    """Find the variables that decide a setting although a file of settings says otherwise."""
    from wb_cli.instances.host_settings.setting import CONFIG_DIR
    from wb_cli.instances.host_settings.settings import load
    from wb_cli.instances.host_settings.table import SETTINGS

    moved = os.environ.get(CONFIG_DIR)
    try:
        written = load({}, {CONFIG_DIR: moved} if moved else {})
    except WbError:
        return ()  # the values that are used are well; nobody uses the others
    return tuple(
        setting.env
        for setting in SETTINGS
        if settings.origins.get(setting.name, "").startswith("environment")
        and written.origins[setting.name] != "default"
        and written.get_value(setting) != settings.get_value(setting)
    )

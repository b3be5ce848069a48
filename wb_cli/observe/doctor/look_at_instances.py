"""Ask the engine and the disks about each instance and each container."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.errors import EngineError, NotFoundError, UsageError, WbError
from wb_cli.host.database_files import DataVersion
from wb_cli.instances.secrets import choose_passwords
from wb_cli.lifecycle.guard.writers import DataFolder, find_writers
from wb_cli.lifecycle.machine.here import THIS_MACHINE
from wb_cli.lifecycle.passwords.verifier import is_opened_by
from wb_cli.lifecycle.planning.changes import Action, list_changes
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.images import choose_images
from wb_cli.lifecycle.planning.reconcile import plan_run
from wb_cli.observe.certificates import look_if_there
from wb_cli.observe.doctor.facts import Database, Difference, Folder, Known
from wb_cli.observe.doctor.look_at_backups import BACKUPS, LAST_BACKUP, LAST_TRIAL
from wb_cli.observe.doctor.look_at_wal import HELD, RECEIVED, RECEIVER, ask_about_wal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerDetail, ImageInfo, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine
    from wb_cli.observe.doctor.facts import Facts
    from wb_cli.observe.doctor.gather import Job, Question

FOLDERS, IMAGES, DATABASE = "how its folders stand", "its images", "what its database says"
DATA_VERSION = "of which version its database is"
DIFFERENCE = "whether it runs as declared"
CERTIFICATE = "its certificate"
CONTAINER = "how the container {} stands"
DATA_FOLDERS = {contract.DATABASES: Part.POSTGRES, contract.VALKEY_DATA: Part.VALKEY}
QUESTION = (
    "SELECT current_setting('server_version'), current_setting('data_checksums'), "
    "extract(epoch FROM clock_timestamp()), "
    "(SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres')"
)
ASK_DATABASE = (
    "psql",
    "--username=postgres",
    "--no-psqlrc",
    "-Atc",
    QUESTION,
)


def ask_about_containers(facts: Facts, fleet: Fleet) -> dict[Question, Job]:
    """The questions about containers: all of them, or those of the chosen instances."""
    chosen = {known.instance.id for known in facts.known}
    return {
        (container.instance or "", CONTAINER.format(container.name)): partial(
            _inspect, fleet.engine, container.id
        )
        for container in facts.observed.containers
        if facts.chooses_all or container.instance in chosen
    }


def _inspect(engine: Engine, container: str) -> ContainerDetail | None:
    try:
        return engine.inspect(container)
    except NotFoundError:  # it was removed after the listing
        return None


def collect_details(answers: Mapping[Question, Any]) -> dict[str, ContainerDetail]:
    """Collect the containers' states by container id."""
    prefix, _, _ = CONTAINER.partition("{")
    found = (answer for (_, what), answer in answers.items() if what.startswith(prefix))
    return {detail.id: detail for detail in found if detail}


def ask_about_instance(
    instance: Instance, facts: Facts, fleet: Fleet | None
) -> dict[Question, Job]:
    """The questions about one instance. Without an engine, only its folders can be looked at."""
    jobs: dict[str, Job] = {}
    machine = THIS_MACHINE if facts.is_local else fleet.machine if fleet else None
    if machine:
        jobs[FOLDERS] = partial(_look_at_folders, instance, facts, machine)
        databases = instance_path(instance, facts.settings) / contract.DATABASES
        jobs[DATA_VERSION] = partial(_read_data_version, databases, machine)
    if facts.is_local:
        jobs[CERTIFICATE] = partial(look_if_there, instance, facts.settings)
    if fleet:
        ours = {container.part: container for container in facts.containers_of(instance.id)}
        jobs[IMAGES] = partial(_find_images, instance, fleet)
        if ours:
            jobs[DIFFERENCE] = partial(_compare, instance, facts, fleet)
        postgres = _take_running(ours.get(Part.POSTGRES))
        if postgres:
            jobs[DATABASE] = partial(_ask_database, fleet, postgres)
        jobs |= ask_about_wal(fleet.engine, postgres, _take_running(ours.get(Part.WAL)))
    return {(instance.id, what): job for what, job in jobs.items()}


def _take_running(container: ObservedContainer | None) -> ObservedContainer | None:
    """Take a container only if it can be asked."""
    is_there = container and container.is_running and not container.is_stopping
    return container if is_there else None


def collect_known(instance: Instance, answers: Mapping[Question, Any]) -> Known:
    """Make the facts of an instance of the answers. What was not answered stays empty."""
    references, images = answers.get((instance.id, IMAGES), ({}, {}))
    return Known(
        instance=instance,
        references=references,
        images=images,
        folders=answers.get((instance.id, FOLDERS), ()),
        data_version=answers.get((instance.id, DATA_VERSION), DataVersion()),
        database=answers.get((instance.id, DATABASE)),
        difference=answers.get((instance.id, DIFFERENCE), Difference()),
        certificate=answers.get((instance.id, CERTIFICATE)),
        backup=answers.get((instance.id, BACKUPS)),
        receiver=answers.get((instance.id, RECEIVER)),
        received=answers.get((instance.id, RECEIVED)),
        slots=answers.get((instance.id, HELD), ()),
        backup_failure=answers.get((instance.id, LAST_BACKUP), ""),
        is_trial_cut_off=answers.get((instance.id, LAST_TRIAL), False),
    )


def _read_data_version(databases: Path, machine: Machine) -> DataVersion:
    found = machine.read_data_version(databases)
    if found.unknown:
        raise WbError(found.unknown)
    return found


def _look_at_folders(instance: Instance, facts: Facts, machine: Machine) -> tuple[Folder, ...]:
    root = instance_path(instance, facts.settings)
    return tuple(
        _look_at_folder(name, root / name, instance, facts, machine)
        for name in (*contract.FOLDERS, *([contract.WAL] if instance.point_in_time else []))
    )


def _look_at_folder(
    name: str, path: Path, instance: Instance, facts: Facts, machine: Machine
) -> Folder:
    part = DATA_FOLDERS.get(name)
    writers: tuple[ObservedContainer, ...] = ()
    if part:
        found = find_writers(
            facts.observed.containers,
            DataFolder(instance.id, part, str(path)),
            machine=machine,
        )
        writers = tuple(writer for writer in found if writer.instance != instance.id)
    return Folder(
        name=name,
        path=str(path),
        problem=machine.find_problem(path),
        place=machine.locate([str(path)])[str(path)],
        access=machine.read_access(path),
        is_closed_to_owner=part is Part.POSTGRES
        and machine.is_closed_to_owner_of(path / contract.PGDATA_NAME),
        writers=writers,
    )


def _find_images(
    instance: Instance, fleet: Fleet
) -> tuple[dict[Part, str], dict[Part, ImageInfo | None]]:
    references = choose_images(instance, fleet.settings)
    images = {part: fleet.engine.find_image(name) for part, name in references.items()}
    return references, images


def _compare(instance: Instance, facts: Facts, fleet: Fleet) -> Difference:
    """Plan a run, and take the reasons why it would replace what runs."""
    desired = fleet.describe(instance, create_secrets=False)
    references = {spec.image for spec in desired.containers}
    current = fleet.inspect(instance.id, facts.observed, references)
    plan = plan_run(desired, current, "")
    running = {container.part for container in current.containers if container.is_running}
    declared = tuple(
        f"{change.part}: {change.reason}"
        for change in list_changes(plan)
        if change.action is Action.REPLACE and change.part in running
    )
    return Difference(declared, plan.drift)


def _ask_database(fleet: Fleet, postgres: ObservedContainer) -> Database:
    """Ask a PostgreSQL from inside its container, where no password is needed."""
    began = time.time()
    code, output = fleet.engine.execute(postgres.id, ASK_DATABASE)
    asked_at = (began + time.time()) / 2
    answer = output.decode(errors="replace").strip()
    if code:
        raise EngineError(f"psql in {postgres.name} said: {answer or f'nothing ({code})'}")
    if answer.count("|") != 3:  # noqa: PLR2004  (four values, three bars; it may hold a verifier)
        raise EngineError(f"psql in {postgres.name} gave another answer than four values")
    version, checksums, clock, verifier = answer.split("|")
    takes = _takes_our_password(fleet, postgres.instance or "", verifier)
    return Database(version, checksums == "on", float(clock) - asked_at, takes)


def _takes_our_password(fleet: Fleet, instance: str, verifier: str) -> bool | None:
    """Whether the database has the password that wb knows, or the one that it is changed from."""
    stored = fleet.secrets.read(instance)
    try:
        known = choose_passwords(fleet.settings, stored, is_initialised=True)
    except UsageError:  # wb knows none, and says so before a start
        return None
    ours = [known.platform] if known else []
    ours += [stored.previous_password] if stored and stored.previous_password else []
    opened = [is_opened_by(verifier, "postgres", each.reveal()) for each in ours]
    return None if None in opened or not opened else any(opened)

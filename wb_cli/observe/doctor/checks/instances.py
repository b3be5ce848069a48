"""Checks of instances: are they as declared, and is their database as it should be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wb_cli.contract import DATABASES, Part
from wb_cli.lifecycle.guard.database_version import Versions
from wb_cli.lifecycle.planning.desired import instance_path
from wb_cli.lifecycle.planning.missing_image import suggest_remedy
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.checks.paths import write_path
from wb_cli.observe.doctor.finding import ID, Severity, Sign, of_instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.observe.doctor.facts import Facts, Known


@check("image-missing", "the instance cannot start, nor come back from a stop")
def find_missing_images(facts: Facts) -> Iterator[Sign]:
    """An image of an instance is not on the engine."""
    for known in facts.known:
        for part, image in known.images.items():
            if image is None:
                reference = known.references[part]
                remedy = suggest_remedy(known.instance, part, reference)
                what = f"the image {reference} of {part} is not on this engine"
                command = remedy.split("`")[1]
                advice = remedy.replace(f"set {known.instance.id} ", f"set {ID} ")
                yield of_instance(known.instance.id, Severity.WARNING, what, command, advice)


@check("not-applied", "the instance is not as the registry file and the settings say")
def find_unapplied_changes(facts: Facts) -> Iterator[Sign]:
    """The operator declared a change, and the running instance does not have it yet."""
    for known in facts.known:
        for reason in known.difference.declared:
            yield of_instance(known.instance.id, Severity.NOTICE, reason, "wb run {ids}")


@check("drift", "a part runs an image, or has defaults, that a new start would not give it")
def find_drift(facts: Facts) -> Iterator[Sign]:
    """Something changed beneath a running instance, and a restart would apply it."""
    for known in facts.known:
        for difference in known.difference.drift:
            yield of_instance(known.instance.id, Severity.NOTICE, difference, "wb restart {ids}")


@check("checksums-off", "PostgreSQL cannot notice a page that its disk has damaged")
def find_missing_checksums(facts: Facts) -> Iterator[Sign]:
    """A database has no checksums on its pages."""
    for known in facts.known:
        if known.database and not known.database.has_checksums:
            yield of_instance(
                known.instance.id,
                Severity.NOTICE,
                "the database has no data checksums",
                _write_checksums(known, facts),
                "The instance is down meanwhile: a minute for some 10 GiB.",
            )


def _write_checksums(known: Known, facts: Facts) -> str:
    """Write the command that adds checksums. It works on a database that is down."""
    folder = write_path(known.instance, facts, DATABASES)
    return (
        f"wb stop {{id}} && docker run --rm --user postgres --entrypoint pg_checksums "
        f"--volume {folder}:/d {known.references[Part.POSTGRES]} --enable -D /d/pgdata "
        "&& wb run {id}"
    )


@check("password-drift", "whatever connects anew is refused: the platform, too, at its next start")
def find_other_passwords(facts: Facts) -> Iterator[Sign]:
    """A database has another password than the one that wb knows."""
    for known in facts.known:
        if known.database and known.database.takes_our_password is False:
            yield of_instance(
                known.instance.id,
                Severity.CRITICAL,
                "the database has another password than the one that wb knows",
                "wb rotate-secret {ids}",
                f"Or write the one that it has as `postgresPassword` into {ID}.json in the secrets "
                "folder.",
            )


@check("postgres-old", "the minor releases since then mend what can lose data or let others in")
def find_old_databases(facts: Facts) -> Iterator[Sign]:
    """A running PostgreSQL is an older minor release than its image, as it is now."""
    for known in facts.known:
        reference = known.references.get(Part.POSTGRES, "")
        image = known.images.get(Part.POSTGRES)
        newest = (image and image.postgres_version) or reference.rpartition(":")[2]
        if known.database and _is_older(known.database.version, newest):
            what = f"PostgreSQL {known.database.version} runs, {reference} has {newest}"
            yield of_instance(known.instance.id, Severity.WARNING, what, "wb restart {ids}")


@check("database-version", "PostgreSQL does not open a database of another major version")
def find_foreign_databases(facts: Facts) -> Iterator[Sign]:
    """The image of PostgreSQL has another major version than the database on the disk."""
    for known in facts.known:
        reference = known.references.get(Part.POSTGRES, "")
        folder = instance_path(known.instance, facts.settings) / DATABASES
        image = known.images.get(Part.POSTGRES)
        versions = Versions(known.instance.id, folder, known.data_version, reference, image)
        if problem := versions.find_problem():
            what, remedy = problem
            command = remedy.split("`")[1]
            yield of_instance(known.instance.id, Severity.CRITICAL, what, command, remedy)


def _is_older(running: str, newest: str) -> bool:
    """Whether a minor release is older than another one of the same major release."""
    first, second = (_read_release(text) for text in (running, newest))
    return bool(first and second) and first[0] == second[0] and first < second


def _read_release(version: str) -> tuple[int, ...]:
    """Read ``17.4`` from a version such as ``17.4 (Debian 17.4-1)``; empty if it has no minor."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else ()

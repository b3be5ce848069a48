"""Look at what the engine has of instances: one listing, and a probe of each part that runs."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wb_cli.contract import REQUIRED_PARTS, Part
from wb_cli.engine.types import LABEL_REGISTRY, LABEL_SPEC
from wb_cli.errors import EngineError, NotFoundError, WbError
from wb_cli.lifecycle.adoption import handover
from wb_cli.lifecycle.adoption.older import find_older
from wb_cli.lifecycle.fleet import find_listed
from wb_cli.lifecycle.guard import half_restored
from wb_cli.lifecycle.guard.preflight import find_foreign
from wb_cli.lifecycle.planning.desired import common_labels, instance_path
from wb_cli.lifecycle.planning.fingerprint import parse
from wb_cli.lifecycle.planning.observed_instance import CARRIER, PREVIOUS
from wb_cli.lifecycle.stop_selection import find_instances
from wb_cli.observe.crashes import describe_last_failure
from wb_cli.observe.status import reasons
from wb_cli.observe.status.instance_state import (
    Condition,
    InstanceState,
    InstanceStatus,
    PartStatus,
    heed_command,
    is_between,
    summarise,
)
from wb_cli.observe.status.listed import describe_listed, needs_inspection, read_sentence
from wb_cli.observe.status.part_report import ask
from wb_cli.observe.status.platform_facts import find_url, find_version
from wb_cli.observe.status.side_by_side import ask_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wb_cli.engine.types import ContainerDetail, Observed, ObservedContainer
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.guard.lock import Holder
    from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

# A part that has not answered by then is shown as unknown.
DEADLINE_S = 8.0
TOO_SLOW = "it did not answer in time"


class Survey:
    """What the engine has of the chosen instances at one moment.

    With ``orphans``, instances that only the engine has are chosen, too. An instance whose entry is
    refused has the status of the containers that the engine has. The listing is made once.
    What else is asked of the engine is kept, so the same survey can be looked at again: then only
    the parts themselves are asked.
    """

    def __init__(
        self,
        fleet: Fleet,
        instances: Sequence[Instance],
        *,
        orphans: bool = False,
        refused: Sequence[RefusedEntry] = (),
    ) -> None:
        self.fleet = fleet
        self.observed: Observed = fleet.engine.observe()
        self.listed_at = time.time()
        self.declared = {instance.id: instance for instance in instances}
        self.refused = {entry.instance_id: entry for entry in refused if entry.instance_id}
        self.ids = [*self.declared, *self.refused]
        if orphans:
            registry = common_labels(fleet.settings)
            self.ids += sorted(
                find_instances(self.observed, registry[LABEL_REGISTRY]) - set(self.ids)
            )
        self._details: dict[str, ContainerDetail] = {}
        self._differences: dict[str, tuple[str, ...] | WbError] = {}

    def find_older(self) -> list[str]:
        """Find what `wb adopt` takes over and no entry declares: what an older tool left."""
        known = {*self.declared, *self.refused}
        found = {*find_older(self.fleet.engine, self.observed, known), *self._interrupted}
        return sorted(found - known)

    @cached_property
    def _interrupted(self) -> frozenset[str]:
        """The instances whose takeover was begun, and did not end."""
        return frozenset(handover.list_all(self.fleet.settings))

    def look(self, *, closely: bool) -> list[InstanceStatus]:
        """Ask all parts that run, side by side, and give the status of each instance.

        ``closely`` inspects every container, for exact times, and asks Valkey what it holds.
        """
        jobs = {
            (id_, part): self._make_job(container, part, closely=closely)
            for id_ in self.ids
            for part, container in self.find_current(id_).items()
        }
        answers = ask_all(jobs, DEADLINE_S)
        return [self._describe(id_, answers) for id_ in self.ids]

    def find_current(self, instance_id: str) -> dict[Part, ObservedContainer]:
        """Find the container of each part of an instance that is not a left-over one."""
        return {
            container.part: container
            for container in self._by_instance.get(instance_id, ())
            if container.part and not container.name.endswith((PREVIOUS, CARRIER))
        }

    @cached_property
    def _by_instance(self) -> dict[str | None, list[ObservedContainer]]:
        found: dict[str | None, list[ObservedContainer]] = {}
        for container in self.observed.containers:
            found.setdefault(container.instance, []).append(container)
        return found

    def _make_job(
        self, container: ObservedContainer, part: Part, *, closely: bool
    ) -> Callable[[], PartStatus]:
        return lambda: self._look_at_part(container, part, closely=closely)

    def _look_at_part(
        self, container: ObservedContainer, part: Part, *, closely: bool
    ) -> PartStatus:
        detail = describe_listed(container)
        is_inspected = closely or needs_inspection(container, self.listed_at)
        if is_inspected:
            try:
                detail = self.inspect(container.id)
            except NotFoundError:  # it was removed after the listing
                return _describe_absent(container.instance or "", part)
        fleet = self.fleet
        report = ask(
            fleet.engine, part, container, detail, closely=closely, machine=fleet.elsewhere
        )
        ended = detail.state.has_ended
        return PartStatus(
            part=part,
            name=container.name,
            state=report.condition,
            since=_find_since(detail, container, self.listed_at),
            detail=report.detail,
            facts=report.facts,
            ports=tuple(map(str, container.ports)),
            image=container.image,
            started_at=detail.started_at,
            finished_at=detail.finished_at if ended else "",
            exit_code=detail.exit_code if ended else None,
            restarts=detail.restart_count if is_inspected else None,
            container=container.id,
        )

    def inspect(self, container: str) -> ContainerDetail:
        """Give what the engine knows of a container. The engine is asked once.

        Raises:
            NotFoundError: it was removed after the listing.
        """
        if container not in self._details:
            self._details[container] = self.fleet.engine.inspect(container)
        return self._details[container]

    def _describe(
        self, instance_id: str, answers: dict[tuple[str, Part], PartStatus | WbError]
    ) -> InstanceStatus:
        """Give the status of one instance. It is pure but for the first look at differences."""
        instance, refused = self.declared.get(instance_id), self.refused.get(instance_id)
        current = self.find_current(instance_id)
        expected = instance.parts if instance else REQUIRED_PARTS if refused else ()
        parts = tuple(
            _read_answer(instance_id, part, current.get(part), answers.get((instance_id, part)))
            for part in Part
            if part in expected or part in current
        )
        strangers = find_foreign(instance_id, self.observed, str(self.fleet.settings.servers_file))
        notes = [reasons.describe_stranger(stranger) for stranger in strangers]
        if refused:
            notes.append(reasons.describe_refusal(refused))
        counted = tuple(part for part in parts if part.part in expected) if instance else parts
        state = summarise(counted, is_foreign=bool(strangers))
        holder = self._find_holder(instance_id, state)
        if instance_id in self._interrupted and not holder:
            notes.append(reasons.describe_interrupted_takeover(instance_id))
        elif not instance and not refused:
            notes.append(reasons.describe_undeclared(instance_id))
        if holder:
            notes.append(reasons.describe_command(holder, time.time()))
        notes += self._find_reasons(instance_id, parts, can_run=bool(instance and not holder))
        error = self._differences.get(instance_id)
        return InstanceStatus(
            id=instance_id,
            state=heed_command(state, holder.verb) if holder else state,
            parts=parts,
            notes=tuple(notes),
            version=find_version(instance, current.get(Part.PLATFORM)),
            url=find_url(current.get(Part.PLATFORM)),
            doubt=error.headline if isinstance(error, WbError) else "",
        )

    def _find_holder(self, instance_id: str, state: InstanceState) -> Holder | None:
        """Find the command that works on an instance now.

        On a machine elsewhere wb asks only if a command may be the reason for the state, because
        the question takes a container there.
        """
        if self.fleet.elsewhere and not is_between(state):
            return None
        return self.fleet.find_holder(instance_id)

    def _find_reasons(
        self, instance_id: str, parts: Sequence[PartStatus], *, can_run: bool
    ) -> Iterator[str]:
        """Give the reasons for which it is not plainly running, a failed start first."""
        now, is_declared = time.time(), instance_id in self.declared
        if {part.state for part in parts} <= {Condition.HEALTHY, Condition.STOPPED}:
            yield from self._recall_failure(instance_id, parts)
        yield from reasons.describe_parts(instance_id, parts, now, can_run=can_run)
        yield from reasons.describe_restarts(instance_id, parts, now)
        if is_declared and any(part.state is Condition.HEALTHY for part in parts):
            differences = self._find_differences(self.declared[instance_id])
            yield from () if isinstance(differences, WbError) else differences
        if can_run:
            yield from self._recall_restore(self.declared[instance_id], parts)
        ours = self._by_instance.get(instance_id, ())
        yield from reasons.describe_leftovers(instance_id, ours, is_declared=is_declared)

    def _recall_failure(self, instance_id: str, parts: Sequence[PartStatus]) -> Iterator[str]:
        """Recall how a container failed that is not there any more."""
        if any(part.state is Condition.STOPPED for part in parts):
            failure = describe_last_failure(self.fleet.settings, instance_id)
            yield from [failure] if failure else []

    def _recall_restore(self, instance: Instance, parts: Sequence[PartStatus]) -> Iterator[str]:
        """Say what a restore left. A machine elsewhere is asked only if the instance is down."""
        is_down = all(part.state is Condition.STOPPED for part in parts)
        machine = self.fleet.machine
        if machine and (is_down or not self.fleet.elsewhere):
            with suppress(WbError):  # the look takes a container there, and it may have no image
                left = half_restored.look(machine, instance_path(instance, self.fleet.settings))
                yield from reasons.describe_restore(left, instance.id)

    def _find_differences(self, instance: Instance) -> tuple[str, ...] | WbError:
        """Compare what runs with what is declared, once for each survey.

        The comparison needs the secrets, which this user may not be allowed to read.
        """
        if instance.id not in self._differences:
            try:
                wanted = self.fleet.describe(instance, create_secrets=False)
                current = self._add_facts(find_listed(instance.id, self.observed))
                found = tuple(reasons.describe_differences(wanted, current))
                self._differences[instance.id] = found
            except WbError as error:
                self._differences[instance.id] = error
        return self._differences[instance.id]

    def _add_facts(self, listed: ObservedInstance) -> ObservedInstance:
        """Add what the planner compares beside the listing.

        The engine lists the id of an image in the place of its name where the name means another
        image now, or none.
        """
        details = [self._details.get(container.id) for container in listed.containers]
        policies = {detail.id: detail.restart_policy for detail in details if detail}
        moved = {
            parse(container.labels.get(LABEL_SPEC)).get("image", "")
            for container in listed.containers
            if container.image.startswith("sha256:") or container.image == container.image_id
        }
        images = {name: image for name in moved if name and (image := self._find_image(name))}
        return replace(listed, policies=policies, images=images)

    def _find_image(self, reference: str) -> Any:
        try:
            return self.fleet.engine.find_image(reference)
        except EngineError:
            return None


def _describe_absent(instance_id: str, part: Part) -> PartStatus:
    return PartStatus(part, part.container_name(instance_id), Condition.STOPPED)


def _read_answer(
    instance_id: str,
    part: Part,
    container: ObservedContainer | None,
    answer: PartStatus | WbError | None,
) -> PartStatus:
    if not container:
        return _describe_absent(instance_id, part)
    if isinstance(answer, PartStatus):
        return answer
    return PartStatus(
        part,
        container.name,
        Condition.UNKNOWN,
        ports=tuple(map(str, container.ports)),
        image=container.image,
        detail=answer.headline if answer else TOO_SLOW,
        container=container.id,
    )


def _find_since(
    detail: ContainerDetail, container: ObservedContainer, listed_at: float
) -> float | None:
    """Find the moment of the last start or end: as inspected, or else as the listing rounds it."""
    moment = detail.finished_at if detail.state.has_ended else detail.started_at
    if moment:
        return datetime.fromisoformat(moment).timestamp()
    age = read_sentence(container.status).at_least_s
    return None if age is None else listed_at - age

"""Decide: what one container of an instance needs, by the state that it is in. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC, RestartPolicy, State
from wb_cli.lifecycle.planning.fingerprint import describe_differences, parse
from wb_cli.lifecycle.planning.observed_instance import PREVIOUS, ObservedInstance, part_of
from wb_cli.lifecycle.planning.plan import (
    LEFT_OVER,
    NOT_THERE,
    Await,
    Create,
    Lane,
    Operation,
    Remove,
    Rename,
    SetRestartPolicy,
    Start,
    Stop,
)

if TYPE_CHECKING:
    from wb_cli.engine.types import ContainerSpec, ObservedContainer


def steps_for(spec: ContainerSpec, current: ObservedInstance) -> Lane | None:
    """Give what one container needs, and why. ``None`` means that it runs as declared."""
    container = current.container(spec.name)
    previous = current.container(spec.name + PREVIOUS)
    if not container and previous:
        return _bring_back(spec, previous, current)
    if not container:
        return Lane(spec.part, NOT_THERE, create_and_start(spec))
    for applies, cause, operations in _list_cases(spec, container, current):
        if applies:
            return Lane(spec.part, cause, operations())
    return Lane(spec.part, LEFT_OVER, (Await(spec),)) if previous else None


def find_drift(spec: ContainerSpec, current: ObservedInstance) -> str:
    """Say what differs although the operator did not declare it. Empty if nothing differs."""
    container = current.container(spec.name)
    if not container or _find_declared_change(spec, container):
        return ""
    changed = _compare_specs(spec, container)
    image = current.images.get(spec.image)
    if image and image.id != container.image_id:
        changed = ", ".join(filter(None, [changed, f"{spec.image} is another image now"]))
    return changed


def create_and_start(spec: ContainerSpec) -> tuple[Operation, ...]:
    """Create a container, start it, and supervise it once it is ready."""
    return (Create(spec), Start(spec), *_wait_and_supervise(spec))


def set_aside(container: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Stop a container and keep it under another name.

    A container that runs with --rm cannot be kept, because it removes itself when it stops.
    """
    name = container.name
    if is_auto_removed(container) or container.state.is_lost:
        return stop_and_remove(container, current)
    return (
        *((stop(container, current),) if container.is_active else ()),
        *_end_supervision(container, current),
        *(() if name.endswith(PREVIOUS) else (Rename(name, name + PREVIOUS),)),
    )


def stop_for_good(container: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Stop a container that was set aside and runs, so that the engine leaves it down."""
    return (*_end_supervision(container, current), stop(container, current))


def stop_and_remove(
    container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """Stop a container and remove it.

    The engine cannot stop a container whose removal failed, so such a container is only removed.
    """
    is_lost = container.state.is_lost
    return (*(() if is_lost else (stop(container, current),)), Remove(container.name))


def stop(container: ObservedContainer, current: ObservedInstance) -> Stop:
    """Stop a container, even one that is only created.

    A killed command may have asked for its start, and the engine may still do it.
    """
    timeout = current.stop_timeout(container)
    return Stop(container.name, part_of(container), timeout, is_auto_removed(container))


def _end_supervision(
    container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """End the supervision, because a restarted engine would start the container again."""
    policy = current.policies.get(container.id, RestartPolicy.ALWAYS)
    if is_auto_removed(container) or policy == RestartPolicy.NO:
        return ()
    return (SetRestartPolicy(container.name, RestartPolicy.NO),)


def remove_predecessor(container: ObservedContainer, cause: str) -> Lane:
    """Remove the container that was set aside. One that ran with --rm is gone already."""
    successor = container.name.removesuffix(PREVIOUS)
    remove = Remove(successor + PREVIOUS, successor)
    is_gone = is_auto_removed(container) or _was_removed(container)
    return Lane(remove.name, cause, () if is_gone else (remove,))


def _was_removed(container: ObservedContainer) -> bool:
    """Whether it was removed at once, because the engine could not start it again."""
    return container.state.is_lost and not container.name.endswith(PREVIOUS)


Case = tuple[bool, str, Callable[[], tuple[Operation, ...]]]


def _list_cases(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Case, ...]:
    """List what may be the case with a container. The first case that applies decides."""
    change = _find_declared_change(spec, container)
    policy = current.policies.get(container.id)
    is_unsupervised = not spec.auto_remove and policy is not None and policy != RestartPolicy.ALWAYS
    return (
        # A run may have been killed between the creation and the copying of the secret files.
        (
            container.state is State.CREATED,
            "created but never started",
            lambda: (*stop_and_remove(container, current), *create_and_start(spec)),
        ),
        (
            container.state.is_lost,
            f"found {container.status.lower()}",
            lambda: (*stop_and_remove(container, current), *create_and_start(spec)),
        ),
        (bool(change), change, lambda: _replace(spec, container, current)),
        (
            not current.is_on_network(container),
            "not on the instance's network",
            lambda: _replace(spec, container, current),
        ),
        (
            container.is_stopping,
            "it was being stopped",
            lambda: _finish_stop_and_start(spec, container, current),
        ),
        (
            container.state is State.EXITED,
            f"found {container.status.lower()}",
            lambda: (Start(spec), *_wait_and_supervise(spec, policy)),
        ),
        (
            container.state is State.RESTARTING,
            f"found {container.status.lower()}",
            lambda: _end_crash_loop(spec, container, current),
        ),
        (container.state is State.PAUSED, "paused", lambda: _replace(spec, container, current)),
        # It may be serving, so it is not stopped or replaced. But it must answer.
        (
            container.state is State.UNKNOWN,
            f"found {container.status.lower()}",
            lambda: _wait_and_supervise(spec, policy),
        ),
        (is_unsupervised, "not yet supervised", lambda: _wait_and_supervise(spec)),
    )


def _find_declared_change(spec: ContainerSpec, container: ObservedContainer) -> str:
    """Say why a container must be replaced. Empty if its declaration has not changed."""
    if container.labels.get(LABEL_DECLARED) == spec.labels.get(LABEL_DECLARED):
        return ""
    return _compare_specs(spec, container)


def _compare_specs(spec: ContainerSpec, container: ObservedContainer) -> str:
    return describe_differences(
        parse(container.labels.get(LABEL_SPEC)), parse(spec.labels[LABEL_SPEC])
    )


def _wait_and_supervise(spec: ContainerSpec, policy: str | None = None) -> tuple[Operation, ...]:
    """Wait until a container is ready, and only then supervise it.

    A container whose start failed stays down, so that the operator can look at it.
    """
    if spec.auto_remove or policy == RestartPolicy.ALWAYS:
        return (Await(spec),)
    return (Await(spec), SetRestartPolicy(spec.name, RestartPolicy.ALWAYS))


def _end_crash_loop(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """Start a container of a crash loop now, as the cause of the loop may be repaired.

    The engine itself would wait longer after each exit. It must stop the container first, because
    it counts a container of a crash loop as started.
    """
    end_supervision = SetRestartPolicy(spec.name, RestartPolicy.NO)
    return (
        stop(container, current),
        end_supervision,
        Start(spec),
        *_wait_and_supervise(spec, RestartPolicy.NO),
    )


def _replace(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """Keep the old container, stopped, until its successor is ready.

    A container that was set aside earlier is removed, because the old one gets its name.
    """
    older = current.container(spec.name + PREVIOUS)
    room = stop_and_remove(older, current) if older else ()
    return (*room, *set_aside(container, current), *create_and_start(spec))


def _finish_stop_and_start(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """Wait for the stop that is under way, then start the container again."""
    if is_auto_removed(container):
        return (*stop_and_remove(container, current), *create_and_start(spec))
    policy = current.policies.get(container.id)
    return (stop(container, current), Start(spec), *_wait_and_supervise(spec, policy))


def is_auto_removed(container: ObservedContainer) -> bool:
    """Whether it runs with --rm."""
    return parse(container.labels.get(LABEL_SPEC)).get("restart") == RestartPolicy.NO


def _bring_back(
    spec: ContainerSpec, previous: ObservedContainer, current: ObservedInstance
) -> Lane:
    """Use the container that a run set aside before it was interrupted, if it can serve on."""
    if not can_serve_on(spec, previous, current):
        return Lane(spec.part, NOT_THERE, create_and_start(spec))
    back = Rename(previous.name, spec.name)
    policy = RestartPolicy.NO if previous.is_active else current.policies.get(previous.id)
    operations = (back, Start(spec), *_wait_and_supervise(spec, policy))
    return Lane(spec.part, "set aside by an interrupted run", operations)


def can_serve_on(
    spec: ContainerSpec, previous: ObservedContainer, current: ObservedInstance
) -> bool:
    """Whether a container that was set aside can serve on."""
    is_usable = previous.state is not State.CREATED and not previous.state.is_lost
    is_wanted = not _find_declared_change(spec, previous) and current.is_on_network(previous)
    return is_usable and is_wanted

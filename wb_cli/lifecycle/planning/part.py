"""What one container of an instance needs, by the state it is found in. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wb_cli.engine.types import LABEL_DECLARED, LABEL_SPEC, State
from wb_cli.lifecycle.planning.fingerprint import differences, parse
from wb_cli.lifecycle.planning.observed_instance import PREVIOUS, ObservedInstance, role_of
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


def needs(spec: ContainerSpec, current: ObservedInstance) -> Lane | None:
    """What one container needs, and why; ``None`` where it runs as declared."""
    container = current.container(spec.name)
    previous = current.container(spec.name + PREVIOUS)
    if not container and previous:
        return _bring_back(spec, previous, current)
    if not container:
        return Lane(spec.role, NOT_THERE, fresh(spec))
    for applies, cause, operations in _cases(spec, container, current):
        if applies:
            return Lane(spec.role, cause, operations())
    return Lane(spec.role, LEFT_OVER, (Await(spec),)) if previous else None


def drift_of(spec: ContainerSpec, current: ObservedInstance) -> str:
    """What differs in a container without having been declared so; empty where nothing does."""
    container = current.container(spec.name)
    if not container or _declared_change(spec, container):
        return ""
    changed = _difference(spec, container)
    newer = current.image_ids.get(spec.image, container.image_id)
    if newer != container.image_id:
        changed = ", ".join(filter(None, [changed, f"{spec.image} is another image now"]))
    return changed


def fresh(spec: ContainerSpec) -> tuple[Operation, ...]:
    """Make it, start it, and supervise it once it is ready."""
    return (Create(spec), Start(spec), *_until_ready(spec))


def aside(container: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Stop a container and keep it under another name; one that runs with --rm is gone."""
    name = container.name
    if removes_itself(container) or container.state.is_lost:
        return down(container, current)
    return (
        *((stop(container, current),) if container.is_active else ()),
        *_unsupervised(container, current),
        *(() if name.endswith(PREVIOUS) else (Rename(name, name + PREVIOUS),)),
    )


def asleep(container: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Stop a container that was set aside and runs nevertheless, such that it stays down."""
    return (*_unsupervised(container, current), stop(container, current))


def down(container: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """Stop it and remove it. What the engine could not remove it cannot stop, either."""
    is_lost = container.state.is_lost
    return (*(() if is_lost else (stop(container, current),)), Remove(container.name))


def stop(container: ObservedContainer, current: ObservedInstance) -> Stop:
    """Stop a container, even one that is only created.

    A killed command may have asked for its start, and the engine may still do it.
    """
    timeout = current.stop_timeout(container)
    return Stop(container.name, role_of(container), timeout, removes_itself(container))


def _unsupervised(container: ObservedContainer, current: ObservedInstance) -> tuple[Operation, ...]:
    """The engine brings a supervised container back when it starts itself anew."""
    is_supervised = current.policies.get(container.id, "always") != "no"
    if removes_itself(container) or not is_supervised:
        return ()
    return (SetRestartPolicy(container.name, "no"),)


def succeeded(container: ObservedContainer, cause: str) -> Lane:
    """Remove what was set aside; what runs with --rm is gone already."""
    successor = container.name.removesuffix(PREVIOUS)
    remove = Remove(successor + PREVIOUS, successor)
    is_gone = removes_itself(container) or _was_removed(container)
    return Lane(remove.name, cause, () if is_gone else (remove,))


def _was_removed(container: ObservedContainer) -> bool:
    """What cannot be started again is not set aside, but removed at once."""
    return container.state.is_lost and not container.name.endswith(PREVIOUS)


Case = tuple[bool, str, Callable[[], tuple[Operation, ...]]]


def _cases(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Case, ...]:
    """The states a container can be found in, the first that applies first."""
    change = _declared_change(spec, container)
    policy = current.policies.get(container.id)
    is_unsupervised = not spec.auto_remove and policy is not None and policy != "always"
    return (
        # Its secret files may be missing: a run may have been killed right after creating it.
        (
            container.state is State.CREATED,
            "created but never started",
            lambda: (*down(container, current), *fresh(spec)),
        ),
        (
            container.state.is_lost,
            f"found {container.status.lower()}",
            lambda: (*down(container, current), *fresh(spec)),
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
            lambda: _after_its_end(spec, container, current),
        ),
        (
            container.state is State.EXITED,
            f"found {container.status.lower()}",
            lambda: (Start(spec), *_until_ready(spec, policy)),
        ),
        (
            container.state is State.RESTARTING,
            f"found {container.status.lower()}",
            lambda: _end_crash_loop(spec, container, current),
        ),
        (container.state is State.PAUSED, "paused", lambda: _replace(spec, container, current)),
        # It may be serving, so it is neither stopped nor replaced. It must answer, though.
        (
            container.state is State.UNKNOWN,
            f"found {container.status.lower()}",
            lambda: _until_ready(spec, policy),
        ),
        (is_unsupervised, "not yet supervised", lambda: _until_ready(spec)),
    )


def _declared_change(spec: ContainerSpec, container: ObservedContainer) -> str:
    """Why a container must be replaced; empty where its declaration is what it was."""
    if container.labels.get(LABEL_DECLARED) == spec.labels.get(LABEL_DECLARED):
        return ""
    return _difference(spec, container)


def _difference(spec: ContainerSpec, container: ObservedContainer) -> str:
    return differences(parse(container.labels.get(LABEL_SPEC)), parse(spec.labels[LABEL_SPEC]))


def _until_ready(spec: ContainerSpec, policy: str | None = None) -> tuple[Operation, ...]:
    """Supervised only once it is ready: a start that fails stays down to be looked at."""
    is_due = not spec.auto_remove and policy != "always"
    return (Await(spec), SetRestartPolicy(spec.name, "always")) if is_due else (Await(spec),)


def _end_crash_loop(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """Start it now: the engine waits longer after each exit, and its cause may be repaired.

    The engine takes it for started until it is stopped.
    """
    unsupervised = SetRestartPolicy(spec.name, "no")
    return (stop(container, current), unsupervised, Start(spec), *_until_ready(spec, "no"))


def _replace(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """The old one is kept, stopped, until its successor is ready. An older one makes room."""
    older = current.container(spec.name + PREVIOUS)
    room = down(older, current) if older else ()
    return (*room, *aside(container, current), *fresh(spec))


def _after_its_end(
    spec: ContainerSpec, container: ObservedContainer, current: ObservedInstance
) -> tuple[Operation, ...]:
    """Join the stop that is under way, then start the part again."""
    if removes_itself(container):
        return (*down(container, current), *fresh(spec))
    policy = current.policies.get(container.id)
    return (stop(container, current), Start(spec), *_until_ready(spec, policy))


def removes_itself(container: ObservedContainer) -> bool:
    """Whether it runs with --rm."""
    return parse(container.labels.get(LABEL_SPEC)).get("restart") == "no"


def _bring_back(
    spec: ContainerSpec, previous: ObservedContainer, current: ObservedInstance
) -> Lane:
    """A run was interrupted between setting the old one aside and making its successor."""
    if not is_brought_back(spec, previous, current):
        return Lane(spec.role, NOT_THERE, fresh(spec))
    back = Rename(previous.name, spec.name)
    policy = "no" if previous.is_active else current.policies.get(previous.id)
    until_ready = _until_ready(spec, policy)
    return Lane(spec.role, "set aside by an interrupted run", (back, Start(spec), *until_ready))


def is_brought_back(
    spec: ContainerSpec, previous: ObservedContainer, current: ObservedInstance
) -> bool:
    """Whether a container that was set aside can serve on."""
    is_usable = previous.state is not State.CREATED and not previous.state.is_lost
    is_wanted = not _declared_change(spec, previous) and current.is_on_network(previous)
    return is_usable and is_wanted

"""Checks of this machine's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Part
from wb_cli.instances.postgres_settings import count_bytes
from wb_cli.lifecycle.planning.desired import choose_postgres_settings
from wb_cli.observe.doctor.check import check
from wb_cli.observe.doctor.finding import ID, PLACEHOLDER, Severity, Sign, of_instance
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.observe.doctor.facts import Facts

LITTLE_SHARE, NEXT_TO_NOTHING = 0.1, 0.03
MUCH_SWAP = 0.5
# Percentages of the last minute in which some, or all, processes waited.
SOME_WAITED, ALL_WAITED = 20.0, 10.0
ALWAYS, NEVER = 1, 2
LARGEST = "docker stats --no-stream"


@check("memory-low", "the kernel will soon end a process, most likely a database")
def find_low_memory(facts: Facts) -> Iterator[Sign]:
    """Little memory is left."""
    memory = facts.machine.memory
    if memory and memory.available < LITTLE_SHARE * memory.size:
        is_gone = memory.available < NEXT_TO_NOTHING * memory.size
        what = (
            f"{describe_size(memory.available)} of {describe_size(memory.size)} of memory are left"
        )
        severity = Severity.CRITICAL if is_gone else Severity.WARNING
        yield Sign(severity, what, LARGEST, "It shows who has it. Stop or limit an instance.")


@check("swap-full", "a cache that is swapped out is slower than the database that it spares")
def find_full_swap(facts: Facts) -> Iterator[Sign]:
    """Much of the swap space is in use."""
    memory = facts.machine.memory
    if memory and memory.swap and memory.free_swap < MUCH_SWAP * memory.swap:
        used = memory.swap - memory.free_swap
        what = f"{describe_size(used)} of {describe_size(memory.swap)} of swap are used"
        yield Sign(Severity.WARNING, what, LARGEST, "It shows who has the memory.")


@check("pressure", "every request takes longer, and a machine that only waits looks dead")
def find_pressure(facts: Facts) -> Iterator[Sign]:
    """Processes wait for memory or for a disk."""
    for pressure in facts.machine.pressures:
        if pressure.some > SOME_WAITED:
            severity = Severity.CRITICAL if pressure.full > ALL_WAITED else Severity.WARNING
            waited = {"memory": "memory", "io": "a disk"}[pressure.resource]
            what = f"processes waited for {waited} in much of the last minute"
            advice = f"{pressure.some:.0f} % of it, and all of them in {pressure.full:.0f} %."
            yield Sign(severity, what, LARGEST, advice)


@check("overcommit", "to save, Valkey forks; the kernel may refuse that for want of memory")
def find_refused_forks(facts: Facts) -> Iterator[Sign]:
    """The kernel may refuse the fork with which Valkey saves."""
    memory = facts.machine.memory
    if memory and memory.overcommit != ALWAYS:
        severity = Severity.WARNING if memory.overcommit == NEVER else Severity.NOTICE
        what = f"vm.overcommit_memory is {memory.overcommit}"
        command = (
            "echo vm.overcommit_memory=1 > /etc/sysctl.d/60-wb-memory.conf && "
            "sysctl -p /etc/sysctl.d/60-wb-memory.conf"
        )
        yield Sign(severity, what, command)


@check("memory-promised", "when all of it is taken, the kernel ends a process, maybe a database")
def find_promised_memory(facts: Facts) -> Iterator[Sign]:
    """What the running instances may take, by their limits, is more memory than there is."""
    size = facts.engine.memory if facts.engine else 0
    default = facts.settings.valkey_max_memory
    running = [
        instance
        for instance in facts.registry.instances
        if any(container.is_active for container in facts.containers_of(instance.id))
    ]
    promised = sum(_sum_limits(instance, default) for instance in running)
    if size and promised > size:
        what = (
            f"the caches and limits of {len(running)} running instances promise "
            f"{describe_size(promised)}, the machine has {describe_size(size)}"
        )
        share = int(size / 2 / len(running)) // 1024**2
        command = f"wb --set valkey_max_memory={share}m run all"
        advice = "Write it in config.toml to keep it."
        yield Sign(Severity.NOTICE, what, command, advice)


def _sum_limits(instance: Instance, default_cache: int) -> int:
    """Sum up the cache, and the memory limits of the parts that have one."""
    others = (instance.memory, instance.postgres_memory, instance.admin_memory)
    return (instance.valkey_max_memory or default_cache) + sum(filter(None, others))


@check("limit-small", "when it is full, the kernel ends the server, which then starts anew")
def find_small_limits(facts: Facts) -> Iterator[Sign]:
    """A part may hold more in memory than its limit lets it have."""
    for known in facts.known:
        for part, limit, inside in _list_insides(known.instance, facts.settings):
            if limit and inside >= limit:
                what = (
                    f"the memory limit of {part} is {describe_size(limit)}, and it may hold "
                    f"{describe_size(inside)}"
                )
                command = f"wb config set {ID} {part}Memory={PLACEHOLDER}"
                advice = f"Or lower {INSIDES[part]}."
                yield of_instance(known.instance.id, Severity.WARNING, what, command, advice)


INSIDES = {Part.VALKEY: "valkeyMaxMemory", Part.POSTGRES: "postgresSettings.shared_buffers"}


def _list_insides(instance: Instance, settings: Settings) -> Iterator[tuple[Part, int | None, int]]:
    """List the parts with their limits, and what each takes for one thing alone."""
    cache = instance.valkey_max_memory or settings.valkey_max_memory
    yield Part.VALKEY, instance.valkey_memory, cache
    buffers = choose_postgres_settings(instance, settings).get("shared_buffers", "128MB")
    yield Part.POSTGRES, instance.postgres_memory, count_bytes(buffers)

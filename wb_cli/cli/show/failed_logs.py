"""Show what a container wrote before it ended badly, from the black box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.contract import Part


def show_failed_log(
    wb: Wb, instance: str, parts: Sequence[Part], lines: int | None, *, has_times: bool
) -> None:
    """Show the log of the last container that ended badly, and in a header how it ended.

    Without ``parts`` it may be of any part. ``lines`` is how many of its last lines, or all.

    Raises:
        UsageError: no bad end of the instance, or of this part, is known.
    """
    from wb_cli.observe import crashes

    look_first(wb, instance)
    kept = crashes.read_crashes(wb.settings, instance)
    for problem in kept.problems:
        wb.console.note(f"warning: {problem}")
    records = kept.of(*parts)
    if not records:
        if not kept.records:
            wb.registry.find(instance)  # raises if there is no such instance
        what = f"{instance} {' and '.join(parts)}" if parts else instance
        raise UsageError(
            f"no failure of {what} is recorded",
            f"`wb why {instance}` says how it stands, `wb logs {instance}` what it writes.",
        )
    last = records[-1]
    wb.console.note(f"{crashes.describe(last)}.")
    for fact in crashes.describe_facts(last):
        wb.console.note(f"  {fact}")
    if earlier := crashes.list_earlier(records):
        wb.console.note(f"  earlier: {earlier}")
    if last.log_is_cut:
        wb.console.note("  the log is longer than what is kept of it")
    wb.console.write_bytes(crashes.take_lines(last, lines, has_times=has_times).encode())


def look_first(wb: Wb, instance: str) -> None:
    """Keep the ends that no command has seen yet. What is kept can be read without an engine."""
    from wb_cli.observe.crashes import look_for_dead

    try:
        look_for_dead(wb.fleet, instance, wb.engine.observe())
    except WbError as error:
        wb.console.note(f"warning: only what was kept before is shown: {error.headline}")

"""Ask a receiver of WAL what it has, and PostgreSQL what it keeps for its slots."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wb_cli.errors import EngineError
from wb_cli.lifecycle.receiving.part import REPORT
from wb_cli.lifecycle.receiving.room import MEASURE, SLOTS, parse_received, parse_slots

if TYPE_CHECKING:
    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.receiving.room import Received, Slot
    from wb_cli.observe.doctor.gather import Job

RECEIVER, RECEIVED = "which WAL was received", "how much WAL was received"
HELD = "which WAL it keeps"
ASK_SLOTS = ("psql", "--username=postgres", "--no-psqlrc", "-Atc", SLOTS)


def ask_about_wal(
    engine: Engine, postgres: ObservedContainer | None, receiver: ObservedContainer | None
) -> dict[str, Job]:
    """The questions about WAL, for the containers that run."""
    jobs: dict[str, Job] = {}
    if postgres:
        jobs[HELD] = partial(_ask_slots, engine, postgres)
    if receiver:
        jobs[RECEIVER] = partial(_ask_receiver, engine, receiver)
        jobs[RECEIVED] = partial(_measure, engine, receiver)
    return jobs


def _ask_slots(engine: Engine, postgres: ObservedContainer) -> tuple[Slot, ...]:
    code, output = engine.execute(postgres.id, ASK_SLOTS)
    text = output.decode(errors="replace").strip()
    try:
        return () if code else parse_slots(text.splitlines())
    except ValueError:
        raise EngineError(f"psql in {postgres.name} said: {text}") from None


def _ask_receiver(engine: Engine, receiver: ObservedContainer) -> str:
    code, output = engine.execute(receiver.id, ("cat", REPORT))
    return "" if code else output.decode(errors="replace")


def _measure(engine: Engine, receiver: ObservedContainer) -> Received:
    _, output = engine.execute(receiver.id, MEASURE)
    text = output.decode(errors="replace").strip()
    try:
        return parse_received(text)
    except ValueError:
        raise EngineError(f"the WAL in {receiver.name} cannot be measured: {text}") from None

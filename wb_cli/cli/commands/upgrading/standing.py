"""Where upgrades stand, instance by instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from wb_cli.cli.console import make_error_document
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.cli.show.tables import Column, Give
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.context import Wb
    from wb_cli.instances.registry_file.refused import RefusedEntry
    from wb_cli.upgrade.attempts import Attempt

COLUMNS = (
    Column("INSTANCE"),
    Column("VERSION"),
    Column("LAST UPGRADE"),
    Column("WHEN"),
    Column("AWAY"),
    Column("WHY", Give.WRAP),
)
UNDER_WAY = "if nobody is at it, it was cut off: `wb upgrade` goes on, `wb rollback` goes back"


def show_standing(wb: Wb, ids: Sequence[str], refused: Sequence[RefusedEntry]) -> int:
    """Show the declared version of each instance, and its last upgrade."""
    from wb_cli.upgrade.attempts import Attempts

    versions = {each.id: each.image or each.server_version for each in wb.registry.instances}
    known: dict[str, Attempt | WbError | None] = {}
    for id_ in ids:
        try:
            known[id_] = next(reversed(Attempts(wb.settings.servers_file, id_).read()), None)
        except WbError as error:
            known[id_] = error
    if wb.console.as_json:
        documents = [_make_document(id_, versions[id_], known[id_]) for id_ in ids]
        wb.console.write_json({"instances": documents, "refused": make_documents(refused)})
    else:
        wb.console.show_table(COLUMNS, [_make_row(id_, versions[id_], known[id_]) for id_ in ids])
        for found in known.values():
            if isinstance(found, WbError):
                wb.console.show_error(found)
    is_partial = any(isinstance(each, WbError) for each in known.values())
    code = ExitCode.PARTIAL if is_partial else ExitCode.OK
    return name_refused(wb.console, refused, code)


def _make_row(id_: str, version: str, last: Attempt | WbError | None) -> tuple[str, ...]:
    if isinstance(last, WbError):
        return (id_, version, "unknown", "?", "?", last.headline)
    if last is None:
        return (id_, version, "none", "-", "-", "")
    way = f"{last.before.describe()} -> {last.after.describe()}: {last.state}"
    away = "-" if last.away_s is None else f"{last.away_s:.1f} s"
    why = last.reason or last.judged if last.ended else UNDER_WAY
    return (id_, version, way, last.ended or last.began, away, why)


def _make_document(id_: str, version: str, last: Attempt | WbError | None) -> dict[str, Any]:
    found = {"id": id_, "version": version, "last": None, "error": None}
    if isinstance(last, WbError):
        return found | {"error": make_error_document(last)}
    return found | {"last": msgspec.to_builtins(last) if last else None}

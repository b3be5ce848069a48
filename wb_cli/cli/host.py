"""wb init-dirs."""

from __future__ import annotations

import typer

from wb_cli.cli.context import Json, Selectors, get_wb
from wb_cli.cli.refused import make_documents, name_refused
from wb_cli.errors import ExitCode


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("init-dirs")(init_dirs)
    app.command("dirs", hidden=True, help="The same as `wb init-dirs`.")(init_dirs)


def init_dirs(ctx: typer.Context, selectors: Selectors, as_json: Json = False) -> int:
    """Create the folders that instances' containers mount; what exists stays as it is.

    Can be run again at any time, on an existing instance too.
    """
    del as_json
    from wb_cli.lifecycle.folders import create_folders

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    made = {instance.id: create_folders(instance, wb.settings) for instance in selection.instances}
    if wb.console.as_json:
        instances = [_make_document(id_, folders) for id_, folders in made.items()]
        wb.console.write_json(
            {"instances": instances, "refused": make_documents(selection.refused)}
        )
        return name_refused(wb.console, selection.refused, ExitCode.OK)
    for id_, folders in made.items():
        for path, created in folders.items():
            wb.console.write_line(f"{id_}: {path} {'created' if created else 'was there'}")
    return name_refused(wb.console, selection.refused, ExitCode.OK)


def _make_document(id_: str, folders: dict[str, bool]) -> dict[str, object]:
    return {
        "id": id_,
        "folders": [{"path": path, "created": created} for path, created in folders.items()],
    }

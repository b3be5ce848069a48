"""wb init-dirs."""

from __future__ import annotations

import typer

from wb_cli.cli.context import Json, Selectors, wb_of
from wb_cli.cli.refused import documents, name_refused
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

    wb = wb_of(ctx)
    selection = wb.select(selectors)
    made = {each.id: create_folders(each, wb.settings) for each in selection.instances}
    if wb.console.as_json:
        instances = [_document(id_, each) for id_, each in made.items()]
        wb.console.json({"instances": instances, "refused": documents(selection.refused)})
        return name_refused(wb.console, selection.refused, ExitCode.OK)
    for id_, folders in made.items():
        for path, created in folders.items():
            wb.console.line(f"{id_}: {path} {'created' if created else 'was there'}")
    return name_refused(wb.console, selection.refused, ExitCode.OK)


def _document(id_: str, folders: dict[str, bool]) -> dict[str, object]:
    return {
        "id": id_,
        "folders": [{"path": path, "created": created} for path, created in folders.items()],
    }

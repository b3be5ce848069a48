"""wb init-dirs."""

from __future__ import annotations

import typer

from wb_cli.cli.context import Json, Selectors, wb_of


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("init-dirs")(init_dirs)
    app.command("dirs", hidden=True, help="The same as `wb init-dirs`.")(init_dirs)


def init_dirs(ctx: typer.Context, selectors: Selectors, as_json: Json = False) -> None:
    """Create the folders that instances' containers mount; what exists stays as it is.

    Can be run again at any time, on an existing instance too.
    """
    del as_json
    from wb_cli.lifecycle.folders import create_folders

    wb = wb_of(ctx)
    made = {each.id: create_folders(each, wb.settings) for each in wb.select(selectors)}
    if wb.console.as_json:
        wb.console.json({"instances": [_document(id_, each) for id_, each in made.items()]})
        return
    for id_, folders in made.items():
        for path, created in folders.items():
            wb.console.line(f"{id_}: {path} {'created' if created else 'was there'}")


def _document(id_: str, folders: dict[str, bool]) -> dict[str, object]:
    return {
        "id": id_,
        "folders": [{"path": path, "created": created} for path, created in folders.items()],
    }

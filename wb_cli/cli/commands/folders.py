"""wb init-dirs."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

import typer

from wb_cli.cli.console import make_error_document
from wb_cli.cli.context import Wb, get_wb
from wb_cli.cli.hosts import ask_each, locate
from wb_cli.cli.options import Json, Selectors
from wb_cli.cli.show.refused import make_documents, name_refused
from wb_cli.errors import ExitCode, WbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command("init-dirs")(init_dirs)
    app.command("dirs", hidden=True, help="The same as `wb init-dirs`.")(init_dirs)


def init_dirs(ctx: typer.Context, selectors: Selectors, as_json: Json = False) -> int:
    """Create the folders that are missing.

    The containers of an instance mount them. They are made on the machine of its engine. What
    exists stays as it is, so it can be run again at any time.

    Examples:
        wb init-dirs demo
        wb init-dirs all
    """
    del as_json
    from wb_cli.lifecycle.folders import create_folders

    wb = get_wb(ctx)
    selection = wb.select(selectors)
    hosts = locate(wb, selection.instances)

    def create(host: Wb) -> dict[str, dict[str, bool]]:
        """Create the folders on one host."""
        machine = host.machine
        ours = (instance for instance in selection.instances if hosts[instance.id] is host)
        return {each.id: create_folders(each, wb.settings, machine) for each in ours}

    names = dict.fromkeys(host.host for host in hosts.values())
    if len(names) == 1:
        (name,) = names
        made, errors = create(wb.at(name)), {}
    else:
        answers = ask_each(wb, names, create)
        errors = {name: each for name, each in answers.items() if isinstance(each, WbError)}
        good = (each for each in answers.values() if not isinstance(each, WbError))
        made = {id_: folders for each in good for id_, folders in each.items()}
    code = _choose_exit_code(len(errors), len(names))
    if wb.console.as_json:
        instances = [
            _make_document(id_, made.get(id_, {}), errors.get(host.host))
            for id_, host in hosts.items()
        ]
        wb.console.write_json(
            {"instances": instances, "refused": make_documents(selection.refused)}
        )
        return name_refused(wb.console, selection.refused, code)
    for line in _describe(made):
        wb.console.write_line(line)
    for error in errors.values():
        wb.console.show_error(error)
    return name_refused(wb.console, selection.refused, code)


def _choose_exit_code(failed: int, hosts: int) -> ExitCode:
    if not failed:
        return ExitCode.OK
    return ExitCode.ENGINE_UNREACHABLE if failed == hosts else ExitCode.PARTIAL


def _describe(made: Mapping[str, Mapping[str, bool]]) -> Iterator[str]:
    """Say for each instance what was created, and of the others how many there are."""
    unchanged = 0
    for id_, folders in made.items():
        created = [PurePath(path) for path, is_new in folders.items() if is_new]
        if created:
            yield f"{id_}: created in {created[0].parent}: {', '.join(p.name for p in created)}"
        unchanged += not created
    if len(made) == 1 and unchanged:
        yield f"{next(iter(made))}: nothing to do: its folders are there"
    elif unchanged:
        yield f"{unchanged} of {len(made)} instances: nothing to do: their folders are there"


def _make_document(
    id_: str, folders: Mapping[str, bool], error: WbError | None
) -> dict[str, object]:
    made = [{"path": path, "created": created} for path, created in folders.items()]
    document: dict[str, object] = {"id": id_, "folders": made}
    return document | {"error": make_error_document(error)} if error else document

"""Show the results for several images: what `wb pull` and `wb images build` have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wb_cli.cli.console import make_error_document
from wb_cli.cli.show.tables import StateCell
from wb_cli.errors import ExitCode, WbError
from wb_cli.quantities import shorten_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wb_cli.cli.console import Console


class ShownImage(NamedTuple):
    """The result for one image: a word for ``--json``, a text for the table, and its error.

    ``host`` is named where images of several hosts are shown.
    """

    image: str
    result: str
    text: str
    error: WbError | None = None
    host: str = ""


def show_images(console: Console, shown: Sequence[ShownImage], notes: Sequence[str] = ()) -> None:
    """Show the results in a table, then the notes, then each error once, with its images."""
    if any(row.host for row in shown):
        rows = [(row.host, row.image, StateCell(row.text)) for row in shown]
        console.show_table(("HOST", "IMAGE", "RESULT"), rows)
    else:
        console.show_table(("IMAGE", "RESULT"), [(row.image, StateCell(row.text)) for row in shown])
    for note in notes:
        console.write_line(note)
    show_errors(console, shown)


def show_errors(console: Console, shown: Sequence[ShownImage]) -> None:
    """Show each error once, with its images."""
    same: dict[tuple[str, str], list[str]] = {}
    for row in shown:
        if row.error:
            same.setdefault((row.error.message, row.error.hint), []).append(row.image)
    for (message, hint), images in same.items():
        console.show_error(WbError(f"{shorten_list(images)}: {message}", hint))


def make_image_documents(shown: Sequence[ShownImage]) -> list[dict[str, Any]]:
    """Make the documents of the results for ``--json``."""
    return [_make_document(row) for row in shown]


def _make_document(row: ShownImage) -> dict[str, Any]:
    document: dict[str, Any] = {"image": row.image, "result": row.result}
    document |= {"host": row.host} if row.host else {}
    return document | {"error": make_error_document(row.error)} if row.error else document


def choose_exit_code(shown: Sequence[ShownImage]) -> ExitCode:
    """Choose the exit code: no image failed, some failed, or all failed."""
    failed = [row for row in shown if row.error]
    if not failed:
        return ExitCode.OK
    return ExitCode.FAILURE if len(failed) == len(shown) else ExitCode.PARTIAL

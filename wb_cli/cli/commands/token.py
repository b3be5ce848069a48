"""wb token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wb_cli.cli.context import get_wb
from wb_cli.cli.options import Id, Json
from wb_cli.errors import WbError

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb
    from wb_cli.secret import Secret


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(token)


def token(ctx: typer.Context, instance: Id, as_json: Json = False) -> None:
    """Print the token for changes and metrics.

    The platform asks for it where something is changed, and at /metrics. It is read from the
    secrets folder, which only its owner may read.

    Examples:
        curl -H "Authorization: Bearer $(wb token demo)" "$(wb open demo)/metrics"
        wb token demo --json
    """
    wb = get_wb(ctx)
    wb.registry.find(instance)  # raises if there is no such instance
    found = _find_token(wb, instance).reveal()
    if as_json:
        wb.console.write_json({"id": instance, "token": found})
    else:
        wb.console.write_line(found)


def _find_token(wb: Wb, instance: str) -> Secret:
    stored = wb.secrets.read(instance)
    if not stored:
        raise WbError(
            f"{instance} has no token yet: its first start makes it", f"`wb run {instance}`"
        )
    return stored.admin_token

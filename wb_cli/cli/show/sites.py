"""Say what becomes of nginx sites when their instances stop or are taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wb_cli.cli.context import Wb


def tell_that_sites_stay(wb: Wb, ids: list[str]) -> None:
    """Say that the nginx sites of instances stay, and what people see there."""
    from wb_cli.lifecycle.sites.refresh import list_sites_that_stay
    from wb_cli.quantities import shorten_list

    stay = list_sites_that_stay(ids, wb.settings)
    if not stay or wb.console.as_json or wb.console.is_quiet:
        return
    what = f"nginx site of {stay[0]} stays, and says"
    if len(stay) > 1:
        what = f"nginx sites of {shorten_list(stay)} stay, and say"
    wb.console.note(
        f"The {what} that the platform is away; `wb remove-nginx {' '.join(stay)}` removes "
        f"{'it' if len(stay) == 1 else 'them'}."
    )

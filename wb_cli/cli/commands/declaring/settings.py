"""wb config settings: this host's own settings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.commands.declaring.texts import examples
from wb_cli.cli.context import Wb, get_wb
from wb_cli.cli.options import Json, complete_setting
from wb_cli.cli.show.tables import Column, Give
from wb_cli.cli.words.group import Group
from wb_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wb_cli.instances.declaring.differences import Difference
    from wb_cli.instances.host_settings.setting import Setting

FROM_INPUT = "-"
app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)


def add_to(config: typer.Typer) -> None:
    """Add the group to the group."""
    app.callback(invoke_without_command=True)(settings)
    app.command(
        "set",
        epilog=examples(
            "wb config settings set domain=example.org valkey_max_memory=2g",
            "wb config settings set postgres_password=- < password-file",
        ),
    )(set_)
    app.command(epilog=examples("wb config settings unset mirror"))(unset)
    config.add_typer(
        app,
        name="settings",
        epilog=examples(
            "wb config settings",
            "wb config settings set domain=example.org",
            "wb config settings unset mirror",
        ),
    )


def settings(ctx: typer.Context, as_json: Json = False) -> None:
    """Show or change the settings of this host.

    Secrets are hidden. A flag (`--set`) wins over the environment, that over .env, and that over
    config.toml.
    """
    if ctx.invoked_subcommand:
        return
    from wb_cli.instances.host_settings.table import SETTINGS

    wb = get_wb(ctx)
    found = wb.settings
    rows = [
        (setting, found.get_value(setting), found.origins[setting.name]) for setting in SETTINGS
    ]
    if as_json:
        wb.console.write_json({"settings": [make_document(*row) for row in rows]})
        return
    table = [
        (setting.name, setting.env, show_setting(value, is_size=setting.kind.is_size), origin)
        for setting, value, origin in rows
    ]
    columns = (
        Column("SETTING"),
        Column("ENVIRONMENT", drop=1),
        Column("VALUE", Give.WRAP),
        Column("FROM", Give.WRAP),
    )
    wb.console.show_table(columns, table)


def set_(
    ctx: typer.Context,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...",
            help="Settings as `wb config settings` lists them; NAME=- reads the value from input.",
            autocompletion=complete_setting,
            show_default=False,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Set settings in config.toml, all or none.

    Comments and order stay.
    """
    del as_json
    wb = get_wb(ctx)
    _change(wb, dict(_split(wb, word) for word in assignments))


def unset(
    ctx: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Settings to take out of config.toml.")
    ],
    as_json: Json = False,
) -> None:
    """Take settings out of config.toml.

    Then their defaults hold.
    """
    del as_json
    _change(get_wb(ctx), dict.fromkeys(names))


def _split(wb: Wb, word: str) -> tuple[str, str]:
    from wb_cli.instances.host_settings.config_file import find_setting
    from wb_cli.instances.texts import shorten

    name, equals, value = word.partition("=")
    setting = find_setting(name)
    if not equals:
        raise UsageError(f"{shorten(word)} is not name=value", f"Write `{name}=<value>`.")
    if value == FROM_INPUT:
        return name, _read_value(name)
    if setting.kind.is_secret:
        wb.console.note(
            f"warning: the value of {name} may now stand in your shell's history; "
            f"`{name}=-` reads it from input"
        )
    return name, value


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass(f"{name}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _change(wb: Wb, changes: Mapping[str, str | None]) -> None:
    from wb_cli.instances.declaring.settings_changes import find_changes
    from wb_cli.instances.host_settings.config_file import change_settings, read

    file = wb.load_settings({}).config_file
    before = change_settings(file, changes, wb.load_settings)
    differences = list(find_changes(before, read(file), changes))
    now = wb.load_settings()
    overriding = {
        name: now.origins[name]
        for name in changes
        if now.origins[name] not in {file.name, "default"}
    }
    if wb.console.as_json:
        wb.console.write_json(
            {
                "file": str(file),
                "changes": [_make_change_document(each, overriding) for each in differences],
            }
        )
        return
    for difference in differences:
        wb.console.write_line(str(difference))
    if not differences:
        wb.console.note(f"{file}: nothing to change")
    _advise(wb, differences, overriding)


def _advise(wb: Wb, differences: Sequence[Difference], overriding: Mapping[str, str]) -> None:
    """Say which settings something else decides, and how to see what the others change."""
    from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME

    for name, origin in overriding.items():
        what = "`--set` of this command" if origin == "flag" else origin
        wb.console.note(f"warning: {name} stays as it was: {what} wins over config.toml")
    changed = [each.field for each in differences if each.field not in overriding]
    if any(SETTINGS_BY_NAME[name].parts for name in changed):
        wb.console.note("next: `wb config diff` shows what it changes, `wb run all` applies it")


def _make_change_document(
    difference: Difference, overriding: Mapping[str, str]
) -> dict[str, str | None]:
    document = difference.as_document()
    return {
        "setting": document["field"],
        "old": document["old"],
        "new": document["new"],
        "overriddenBy": overriding.get(difference.field),
    }


def make_document(setting: Setting, value: Any, origin: str) -> dict[str, str | None]:
    """Make the document of a setting for ``--json``. A size is in bytes there."""
    names = ("name", "environment", "value", "from")
    shown = show_setting(value) or None
    return dict(zip(names, (setting.name, setting.env, shown, origin), strict=True))


def show_setting(value: Any, *, is_size: bool = False) -> str:
    """Show a value as the user would write it. A secret is shown as ``***``."""
    if value is None:
        return ""
    if is_size:
        from wb_cli.instances.values import write_size

        return write_size(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}={text}" for key, text in value.items())
    return str(value)

"""Read ``config.toml``, with line and column in errors. Write it, and keep its comments."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wb_cli.errors import UsageError
from wb_cli.instances import suggestions
from wb_cli.instances.files import file_errors, locked, write_atomically
from wb_cli.instances.host_settings.setting import Places, Setting
from wb_cli.instances.host_settings.table import SETTINGS, SETTINGS_BY_NAME
from wb_cli.instances.registry_file.fields import FIELDS_BY_NAME
from wb_cli.instances.texts import shorten
from wb_cli.secret import Secret

HEADER = """\
# The settings of wb on this host. What is commented out has the value shown.
# An environment variable or a line in .env beside this file wins over what stands here;
# `wb config settings` shows each value and where it comes from.
"""
# Passwords may stand here.
MODE = 0o600


def read(path: Path) -> dict[str, str]:
    """The settings of the file, as text, without those whose value is empty.

    An absent file has no settings.
    """
    with file_errors(path, "read"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return {}
    return _parse(content, path)


def _parse(content: bytes, path: Path) -> dict[str, str]:
    import tomllib  # (slow, and many hosts have no file)

    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"cannot read {path}: {error}",
            "Correct the file, then check it with `wb config settings`.",
        ) from None
    texts = {name: _read_text(name, value, path) for name, value in document.items()}
    return {name: text for name, text in texts.items() if text}


def _read_text(name: str, value: Any, path: Path) -> str:
    setting = find_setting(name, str(path))
    try:
        return setting.kind.to_text(value)
    except ValueError as error:
        raise UsageError(
            f"{name} in {path} must be {error}", "Correct it there, or comment it out."
        ) from None


def find_setting(name: str, where: str = "") -> Setting:
    """Find a setting by its name. The error suggests similar names, or says that it is a field."""
    prefix = f"{where}: " if where else ""
    message = f"{prefix}there is no setting {shorten(name)}"
    if name in FIELDS_BY_NAME:
        raise UsageError(
            message, f"{name} is a field of an instance: `wb config set <id> {name}=...`."
        )
    return suggestions.find_or_suggest(
        name, SETTINGS_BY_NAME, message, "`wb config settings` lists them all."
    )


def write_setting(config_file: Path, name: str, value: str) -> None:
    """Set one setting in the file, and make the file where it is missing. The rest stays."""
    change_settings(config_file, {name: value})


def change_settings(
    config_file: Path,
    changes: Mapping[str, str | None],
    check: Callable[[dict[str, str]], object] = lambda _: None,
) -> dict[str, str]:
    """Set several settings in the file, or take them out (``None``): all, or none.

    Comments and order stay. Where a comment explains a setting, its value is put below it.
    ``check`` gets the settings that the file would have, and may raise.

    Returns:
        The settings that the file had before.
    """
    for name, value in changes.items():
        _check_value(name, value, config_file)
    target = Path(os.path.realpath(config_file))
    with locked(target):
        before = read(target)  # raises, so that an unreadable file is not overwritten
        text = target.read_text("utf-8") if target.exists() else make_default_config_toml()
        for name, value in changes.items():
            text = _take_out(text, name) if value is None else _put_in(text, name, value)
        check(_parse(text.encode(), target))
        write_atomically(target, text.encode(), mode=MODE)
    return before


def _check_value(name: str, value: str | None, config_file: Path) -> None:
    setting = find_setting(name)
    try:
        if value is not None:
            setting.kind.parse(value, config_file.parent)
    except ValueError as error:
        shown = "" if setting.kind.is_secret else f" {shorten(value)}"
        raise UsageError(f"{name}{shown} must be {error}", f"Give {name} such a value.") from None


def _put_in(text: str, name: str, value: str) -> str:
    """Set a setting in the file's text: where it stands, or else below its comment."""
    import tomlkit

    document = tomlkit.parse(text)
    toml = _make_toml_value(find_setting(name).kind.to_toml(value))
    comment = re.compile(rf"^# {re.escape(name)} = .*\n", re.MULTILINE).search(text)
    if name in document or not comment or re.search(r"^\[", text[: comment.end()], re.MULTILINE):
        document[name] = toml
        return tomlkit.dumps(document)
    line = tomlkit.document()
    line[name] = toml
    return text[: comment.end()] + tomlkit.dumps(line) + text[comment.end() :]


def _take_out(text: str, name: str) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    if name in document:
        document.remove(name)
    return tomlkit.dumps(document)


def _make_toml_value(value: Any) -> Any:
    import tomlkit

    if not isinstance(value, Mapping):
        return value
    # An inline table can stand anywhere; a [table] would swallow the keys after it.
    table = tomlkit.inline_table()
    table.update(value)
    return table


def make_default_config_toml() -> str:
    """The text of a file that sets nothing and explains every setting."""
    places = Places.of(os.environ)
    blocks = [
        f"\n# {setting.help}\n# {setting.name} = {_show_default(setting, places)}\n"
        for setting in SETTINGS
    ]
    return HEADER + "".join(blocks)


def _show_default(setting: Setting, places: Places) -> str:
    value = setting.default_in(places)
    if value is None or isinstance(value, Secret):
        return '""'
    if isinstance(value, int):
        return str(value).lower()
    if isinstance(value, tuple | dict):
        return "[]" if isinstance(value, tuple) else "{}"
    return f'"{value}"'

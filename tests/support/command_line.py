"""The command line of wb: its tree of commands, and an environment that configures nothing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import typer

from wb_cli.cli.app import app
from wb_cli.instances.host_settings.table import SETTINGS


class Ended(NamedTuple):
    """How a command line ended, and what it wrote."""

    code: int
    answer: str
    talk: str


CommandLine = Callable[..., Ended]


def environment_without_settings() -> dict[str, str]:
    """The environment of the tests, without the settings of this machine's wb."""
    settings = {setting.env for setting in SETTINGS}
    return {name: value for name, value in os.environ.items() if name not in settings}


def use_own_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the settings of this machine's wb, and keep all its files in a test's folder."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("WB_CONFIG_DIR", str(folder / "config"))
    monkeypatch.setenv("SERVERS_FILE_PATH", str(folder / "servers.json"))
    monkeypatch.setenv("MOUNT_PATH", str(folder))
    monkeypatch.setenv("WB_SECRETS_DIR", str(folder / "secrets"))


def every_command() -> dict[str, click.Command]:
    """Every command and group by what a person types, `wb` itself first."""
    return dict(_walk("wb", typer.main.get_command(app)))


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _walk(f"{path} {name}", child)

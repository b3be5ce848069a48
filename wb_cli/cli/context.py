"""The composition root: it makes everything that the commands use, at the first use."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wb_cli.cli.console import Console
from wb_cli.errors import UsageError, WbError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wb_cli.engine.base import Engine, ImageStore
    from wb_cli.instances.registry import Registry
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.instances.selectors import Selection
    from wb_cli.instances.settings import Settings
    from wb_cli.instances.store import RegistryFile
    from wb_cli.lifecycle.fleet import Fleet


class Wb:
    """The objects of one run of ``wb``. Each is made at its first use."""

    def __init__(
        self, flags: Mapping[str, str], env_file: Path | None, console: Console | None = None
    ) -> None:
        self._flags = flags
        self._env_file = env_file
        self.console = console or Console()

    @cached_property
    def settings(self) -> Settings:
        """This host's configuration. Needs: flags, environment, files."""
        from wb_cli.instances.settings import load

        return load(self._flags, os.environ, self._env_file)

    @cached_property
    def registry_file(self) -> RegistryFile:
        """The registry file. Needs: settings."""
        from wb_cli.instances.store import RegistryFile

        return RegistryFile(self.settings.servers_file)

    @cached_property
    def registry(self) -> Registry:
        """The content of the registry file. Needs: registry file."""
        return self.registry_file.read()

    @cached_property
    def secrets(self) -> SecretStore:
        """The secrets of each instance. Needs: settings."""
        from wb_cli.instances.secrets import SecretStore

        return SecretStore(self.settings.secrets_dir)

    @cached_property
    def engine(self) -> Engine:
        """The Docker Engine. Needs: an engine that answers."""
        from wb_cli.engine.client import connect
        from wb_cli.engine.docker_engine import DockerEngine

        return DockerEngine(connect())

    @cached_property
    def images(self) -> ImageStore:
        """The engine's images. Needs: an engine that answers."""
        from wb_cli.engine.client import connect
        from wb_cli.engine.images import Images

        return Images(connect())

    @cached_property
    def fleet(self) -> Fleet:
        """The objects that the actions use. Needs: engine, settings, secrets."""
        from wb_cli.lifecycle.fleet import Fleet

        return Fleet(self.engine, self.settings, self.secrets)

    def select(self, words: Sequence[str]) -> Selection:
        """Select at least one instance by words. Needs: registry."""
        from wb_cli.instances.selectors import select

        return select(words, self.registry).require_instances()


def make_wb(options: Mapping[str, Any], console: Console) -> Wb:
    """Make the composition root from the global options of a command line.

    Raises:
        UsageError: a ``--set`` is no assignment.
    """
    flags = dict(_split_assignment(word) for word in options.get("setting") or ())
    for name in ("servers_file", "mount_path"):
        if options.get(name):
            flags[name] = str(options[name])
    env_file = options.get("env_file")
    return Wb(flags, Path(env_file) if env_file else None, console)


def _split_assignment(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise UsageError(f"--set {word}: not NAME=VALUE.", "`wb config settings` lists the names.")
    return name.strip(), value


def get_wb(ctx: typer.Context) -> Wb:
    """Get the composition root of this run."""
    root = ctx.find_root()
    if not isinstance(root.obj, Wb):
        # The shell completes a word: the root command was parsed, but does not run.
        root.obj = make_wb(root.params, Console())
    return root.obj


def _use_json(ctx: typer.Context, value: bool) -> bool:
    get_wb(ctx).console.as_json = value
    return value


def complete_selector(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a selector for the shell. If the registry file cannot be read, suggest nothing."""
    from wb_cli.instances.selectors import complete

    try:
        return complete(get_wb(ctx).registry, incomplete)
    except WbError:
        return []


def complete_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete an id for the shell. If the registry file cannot be read, suggest nothing."""
    try:
        return [name for name in get_wb(ctx).registry.ids() if name.startswith(incomplete)]
    except WbError:
        return []


Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The instance's id.", autocompletion=complete_id, show_default=False
    ),
]
Selectors = Annotated[
    list[str],
    typer.Argument(
        metavar="SELECTOR...",
        help="Instances: an id, `@tag`, `server=<version>`, or `all`; several at once.",
        autocompletion=complete_selector,
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Answer as JSON.", callback=_use_json, is_eager=True)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what would be done, with the reasons; change nothing."),
]
Wait = Annotated[
    float,
    typer.Option(help="Seconds to wait for an instance that somebody else is changing.", min=0),
]

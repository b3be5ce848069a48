"""The composition root: it makes everything that the commands use, at the first use."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from wb_cli.cli.console import Console
from wb_cli.cli.lazily import lazily
from wb_cli.errors import EngineUnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wb_cli.engine.base import Engine, ImageStore
    from wb_cli.host.ssh_tunnel import Tunnel
    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.registry_file.registry import Registry
    from wb_cli.instances.registry_file.store import RegistryFile
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.instances.selectors import Selection
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.machine.base import Machine


class Wb:
    """The objects of one run of ``wb``. Each is made at its first use.

    ``engine``, ``images``, ``fleet`` and ``machine`` are those of one host. ``at`` gives the same
    for another host. ``host`` is its name in the registry file, or a URL. ``None`` is the engine
    that the command line or the environment chooses. ``chosen`` is that engine in the words of the
    field ``host``, if ``--host`` or ``--context`` chose it.
    """

    def __init__(
        self,
        flags: Mapping[str, str],
        env_file: Path | None,
        console: Console | None = None,
        *,
        host: str | None = None,
        chosen: str | None = None,
    ) -> None:
        self._flags = flags
        self._env_file = env_file
        self._tunnel: Tunnel | None = None
        self._reconnects = False
        self._others: dict[str, Wb] = {}
        self._is_given_up = False
        self.lock = threading.RLock()
        self.console = console or Console()
        self.host, self.chosen = host, chosen

    def at(self, host: str | None) -> Wb:
        """Give these objects for the engine of a host of the registry file."""
        if host == self.host or host is None:
            return self
        if host not in self._others:
            other = Wb(self._flags, self._env_file, self.console, host=host)
            shared = ("settings", "registry_file", "secrets")
            other.__dict__.update({name: getattr(self, name) for name in shared})
            self._others[host] = other
        return self._others[host]

    @lazily
    def settings(self) -> Settings:
        """This host's configuration. Needs: flags, environment, files."""
        return self.load_settings()

    def load_settings(self, toml_texts: Mapping[str, str] | None = None) -> Settings:
        """Load the settings anew, with other settings of ``config.toml`` where they are given."""
        from wb_cli.instances.host_settings.settings import load

        return load(self._flags, os.environ, self._env_file, toml_texts)

    @lazily
    def registry_file(self) -> RegistryFile:
        """The registry file. Needs: settings."""
        from wb_cli.instances.registry_file.store import RegistryFile

        return RegistryFile(self.settings.servers_file)

    @lazily
    def registry(self) -> Registry:
        """The content of the registry file. Needs: registry file."""
        return self.registry_file.read()

    @lazily
    def secrets(self) -> SecretStore:
        """The secrets of each instance. Needs: settings."""
        from wb_cli.instances.secrets import SecretStore

        return SecretStore(self.settings.secrets_dir)

    @lazily
    def engine(self) -> Engine:
        """The Docker Engine. Needs: an engine that answers."""
        from wb_cli.engine.docker.docker_engine import DockerEngine

        client, elsewhere = self._connect()
        engine: Engine = self._explained(DockerEngine(client, elsewhere))
        return engine

    @lazily
    def images(self) -> ImageStore:
        """The engine's images. Needs: an engine that answers."""
        from wb_cli.engine.docker.images import Images

        images: ImageStore = self._explained(Images(self._connect()[0]))
        return images

    def _connect(self) -> tuple[Any, str]:
        """Connect to the host's engine; give its URL, too, if a tunnel leads to it."""
        from wb_cli.engine.docker.client import connect, find_endpoint

        context = (self.host or "").removeprefix("context:")
        at, context = (context, "") if "://" in context else ("", context)
        url = at or find_endpoint(context)
        if not url.startswith("ssh://"):
            try:
                return connect(at, context), ""
            except EngineUnreachableError as error:
                raise self._explain(error) from error
        if self._tunnel is None:
            from wb_cli.host.ssh_tunnel import Tunnel

            self._tunnel = Tunnel(url)
        self._mend_tunnel()
        try:
            return connect(self._tunnel.local_url), url
        except EngineUnreachableError as error:
            raise self._explain(error) from error

    def _explained(self, target: Any) -> Any:
        """Let an engine's errors say which host it is, and what became of the way to it."""
        if self._tunnel is None and self.host is None:
            return target
        from wb_cli.engine.explained import Explained

        return Explained(target, self._explain, self._mend_tunnel)

    def _explain(self, error: EngineUnreachableError) -> EngineUnreachableError:
        from wb_cli.engine.docker.client import name_host

        if self._tunnel:
            error = self._tunnel.explain(error)
        return name_host(error, self.host) if self.host else error

    def stay_connected(self) -> None:
        """From now on, connect again to an engine elsewhere when the connection has broken.

        This is for commands that only look. A change needs its lock, which ends with the
        connection.
        """
        self._reconnects = True

    def _mend_tunnel(self) -> None:
        if self._reconnects and self._tunnel:
            self._tunnel.reopen()

    def give_up(self) -> None:
        """Wait for nothing of this host at the end: it did not answer in time."""
        self._is_given_up = True

    def close(self) -> None:
        """End what runs beside wb. The hosts are left side by side."""
        threads = [threading.Thread(target=other.close) for other in self._others.values()]
        for thread in threads:
            thread.start()
        if "fleet" in self.__dict__ and not self._is_given_up:
            self.__dict__["fleet"].close()
        if self._tunnel:
            self._tunnel.close()
        for thread in threads:
            thread.join()

    @lazily
    def fleet(self) -> Fleet:
        """The objects that the actions use. Needs: engine, settings, secrets."""
        from wb_cli.lifecycle.fleet import Fleet
        from wb_cli.lifecycle.machine.opening import find_machine

        elsewhere = find_machine(self.engine, self.settings)
        return Fleet(self.engine, self.settings, self.secrets, elsewhere)

    @lazily
    def machine(self) -> Machine:
        """The machine on which the instances run. Needs: an engine, if it is another machine."""
        from wb_cli.lifecycle.machine.here import THIS_MACHINE

        return THIS_MACHINE if self.is_engine_here else self.fleet.machine or THIS_MACHINE

    @property
    def is_engine_here(self) -> bool:
        """Whether the engine is one of this machine. The engine is not asked."""
        from wb_cli.engine.docker.client import find_endpoint

        if self.host:
            context = self.host.removeprefix("context:")
            return context != self.host and find_endpoint(context).startswith("unix:")
        if not (os.environ.get("DOCKER_HOST") or os.environ.get("DOCKER_CONTEXT")):
            config = Path(os.environ.get("DOCKER_CONFIG") or "~/.docker", "config.json")
            if not config.expanduser().exists():
                return True
        return find_endpoint().startswith("unix:")

    @lazily
    def fleet_without_engine(self) -> Fleet:
        """The same for work that needs no engine. It connects to one only if it is asked."""
        from wb_cli.lifecycle.fleet import Fleet

        return Fleet(cast("Engine", _Late(lambda: self.engine)), self.settings, self.secrets)

    def select(self, words: Sequence[str]) -> Selection:
        """Select at least one instance by words. Needs: registry."""
        from wb_cli.instances.selectors import select

        return select(words, self.registry).require_instances()


class _Late:
    """Stands for an object that is made when it is first used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def make_wb(options: Mapping[str, Any], console: Console) -> Wb:
    """Make the composition root from the global options of a command line.

    Raises:
        UsageError: a ``--set`` is no assignment.
    """
    flags = dict(_split_assignment(word) for word in options.get("setting") or ())
    for name in ("servers_file", "mount_path"):
        if options.get(name):
            flags[name] = str(options[name])
    chosen = _choose_engine(str(options.get("host") or ""), str(options.get("context") or ""))
    env_file = options.get("env_file")
    return Wb(flags, Path(env_file) if env_file else None, console, chosen=chosen)


def _choose_engine(host: str, context: str) -> str | None:
    """Choose an engine where Docker's own tools read the choice. A flag wins over all of them.

    Give the choice in the words of the field ``host``.
    """
    if not host and not context:
        return None
    if host and context:
        raise UsageError("--host and --context name two engines.", "Give one of them.")
    if host:
        os.environ["DOCKER_HOST"] = host
    if context:
        os.environ.pop("DOCKER_HOST", None)
        os.environ["DOCKER_CONTEXT"] = context
    from wb_cli.instances.registry_file.field_rules import CONTEXT, parse_host

    try:
        return parse_host(host or f"{CONTEXT}{context}")
    except ValueError:  # TCP, or a socket: the registry file has no such host
        return host or f"{CONTEXT}{context}"


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

"""One setting of this host, and the folders in which default paths lie."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wb_cli.contract import PASSED_ON_SETTINGS, Part
from wb_cli.instances.host_settings.kinds import Kind

APP = "wb"
CONFIG_DIR = "WB_CONFIG_DIR"
CONFIG_FILE = "config.toml"
ENV_FILE = ".env"


class Places(Struct, frozen=True):
    """The folders in which the default paths lie: for root the site's folders, else the user's."""

    config: Path
    data: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Places":
        """The folders of the user who runs wb. ``WB_CONFIG_DIR`` moves the settings folder."""
        import platformdirs

        if os.geteuid() == 0:
            config = _prefer_usual(platformdirs.site_config_dir(multipath=True), "/etc/xdg")
            data = _prefer_usual(platformdirs.site_data_dir(multipath=True), "/usr/local/share")
        else:
            config, data = platformdirs.user_config_dir(), platformdirs.user_data_dir()
        moved = environ.get(CONFIG_DIR)
        return cls(Path(moved).absolute() if moved else Path(config, APP), Path(data, APP))


def _prefer_usual(paths: str, usual: str) -> str:
    """Choose the usual folder if it is among the site's folders, else the first.

    Desktops and package systems put their own folders first, but only in login shells. Without this
    rule, the fleet would be there in one shell and seem to be empty in another.
    """
    folders = paths.split(os.pathsep)
    return usual if usual in (folder.rstrip("/") for folder in folders) else folders[0]


class Setting(Struct, frozen=True):
    """One setting. ``default`` is a value, or a function of the :class:`Places`.

    ``parts`` are the containers of an instance that the value changes. A setting that is
    ``silent_at_default`` is left out of what was declared where it has its default value: it came
    later than containers in the field, and they shall not look changed.
    """

    name: str
    env: str
    kind: Kind
    default: Any
    help: str
    parts: tuple[Part, ...] = ()
    silent_at_default: bool = False

    def default_in(self, places: Places) -> Any:
        """Its default value, given the folders."""
        return self.default(places) if callable(self.default) else self.default

    @property
    def is_passed_on(self) -> bool:
        """Whether wb only passes it into the platform's environment, under its own name."""
        return self.env in PASSED_ON_SETTINGS

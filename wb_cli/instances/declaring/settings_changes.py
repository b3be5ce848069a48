"""The differences between two contents of config.toml, without secrets. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from wb_cli.instances.declaring.differences import HIDDEN, Difference
from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME
from wb_cli.instances.texts import shorten


def find_changes(
    old: Mapping[str, str], new: Mapping[str, str], names: Iterable[str]
) -> Iterator[Difference]:
    """Find which of the named settings the file has differently now."""
    for name in names:
        if old.get(name) == new.get(name):
            continue
        is_secret = SETTINGS_BY_NAME[name].kind.is_secret
        shown = [
            (HIDDEN if is_secret else shorten(texts[name])) if name in texts else None
            for texts in (old, new)
        ]
        yield Difference(name, shown[0], shown[1], is_private=is_secret)

"""Every value of an instance, with where it comes from: as declared, or as wb fills it in. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wb_cli.contract import Part
from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME
from wb_cli.instances.registry_file.fields import FIELDS, FIELDS_BY_NAME, POSTGRES_SETTINGS
from wb_cli.instances.values import write_size
from wb_cli.lifecycle.planning.desired import choose_postgres_settings, instance_path, name_url
from wb_cli.lifecycle.planning.images import choose_images, is_stock
from wb_cli.quantities import describe_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wb_cli.instances.host_settings.settings import Settings
    from wb_cli.instances.model import Instance
    from wb_cli.instances.registry_file.field import Field


class Origin(StrEnum):
    """Where a value comes from. The value is shown, in ``--json`` too."""

    DECLARED = "declared"
    SETTING = "setting"
    DEFAULT = "default"
    DERIVED = "derived"


class Effective(Struct, frozen=True):
    """One value of an instance. ``detail`` says more about its origin.

    ``value`` is JSON; ``None`` means that there is none.
    """

    name: str
    value: Any
    origin: Origin
    detail: str = ""

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        return f"{self.origin}: {self.detail}" if self.detail else str(self.origin)

    @property
    def size(self) -> str:
        """The value as an operator would write it, if it is a number of bytes; else empty."""
        field = FIELDS_BY_NAME.get(self.name)
        setting = SETTINGS_BY_NAME.get(field.setting) if field and field.setting else None
        is_size = setting is not None and setting.kind.is_size and isinstance(self.value, int)
        return write_size(self.value) if is_size else ""


def list_values(instance: Instance, settings: Settings) -> Iterator[Effective]:
    """List every field of an instance, then the unknown fields, then what follows from them."""
    for field in FIELDS:
        yield _find_field(field, instance, settings)
    for name, value in instance.raw.items():
        if name not in FIELDS_BY_NAME:
            yield Effective(name, value, Origin.DECLARED, "wb does not know this field")
    yield from _derive(instance, settings)


def _find_field(field: Field, instance: Instance, settings: Settings) -> Effective:
    given = instance.raw.get(field.name)
    if given is not None and field.name == POSTGRES_SETTINGS:
        return _merge_postgres_settings(field, instance, settings)
    if given is not None:
        return Effective(field.name, given, Origin.DECLARED)
    if field.setting:
        setting = SETTINGS_BY_NAME[field.setting]
        value = settings.get_value(setting)
        if value is not None and value != {}:
            if field.name == "image":
                value = choose_images(instance, settings)[Part.PLATFORM]
            origin = settings.origins.get(setting.name, "default")
            return Effective(field.name, value, Origin.SETTING, f"{setting.name} ({origin})")
    return Effective(field.name, _find_default(field, instance, settings), Origin.DEFAULT)


def _merge_postgres_settings(field: Field, instance: Instance, settings: Settings) -> Effective:
    """Give PostgreSQL's settings, of which the instance has some and the host the others."""
    others = set(settings.postgres_settings) - set(instance.postgres_settings or {})
    origin = settings.origins.get("postgres_settings", "default")
    detail = f"{', '.join(sorted(others))}: setting postgres_settings ({origin})" if others else ""
    return Effective(
        field.name, choose_postgres_settings(instance, settings), Origin.DECLARED, detail
    )


def _find_default(field: Field, instance: Instance, settings: Settings) -> Any:
    """Give the value that holds where neither the instance nor a setting gives one."""
    if field.name == "image":
        return choose_images(instance, settings)[Part.PLATFORM]
    if field.name == "instanceDir":
        return instance.folder
    if field.name in {"dockerSocket", "mountDatabases"}:
        return is_stock(instance, settings)
    value = getattr(instance, field.attribute)
    return None if value in ((), {}) else value


def _derive(instance: Instance, settings: Settings) -> Iterator[Effective]:
    images = choose_images(instance, settings)
    address = instance.bind_address or settings.bind_address
    postgres = instance.postgres_bind_address or settings.postgres_bind_address
    rows = (
        ("url", name_url(instance, settings), "id, and the setting domain"),
        ("platformAddress", _join(address, instance.port), "bindAddress and port"),
        ("postgresPort", instance.postgres_port, "port + 10000"),
        ("postgresAddress", _join(postgres, instance.postgres_port), "postgresBindAddress"),
        ("folder", str(instance_path(instance, settings)), "mount_path and instanceDir"),
        *(
            (f"{part}Image", image, f"the setting {part}_image")
            for part, image in images.items()
            if f"{part}Image" not in FIELDS_BY_NAME and part not in {Part.PLATFORM, Part.WAL}
        ),
        (
            "logRotation",
            f"{settings.log_max_files} files of {describe_size(settings.log_max_size)}",
            "the settings log_max_size and log_max_files",
        ),
    )
    for name, value, detail in rows:
        yield Effective(name, value, Origin.DERIVED, detail)


def _join(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

"""Every value of an instance is shown with where it comes from."""

from typing import Any

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.registry_file.entries import parse_entry
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.lifecycle.planning.effective import Effective, list_values

ENTRY = {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1.6.7"}


def values(settings: Settings = SETTINGS, **more: Any) -> dict[str, Effective]:
    return {value.name: value for value in list_values(parse_entry(ENTRY | more), settings)}


def test_every_field_is_listed_first_and_in_the_order_of_the_table() -> None:
    names = [field.name for field in FIELDS]
    assert list(values())[: len(names)] == names


def test_a_declared_value_is_shown_as_it_is_declared() -> None:
    assert values(memory="2g")["memory"] == Effective("memory", "2g", "declared")  # type: ignore[arg-type]
    assert values(colour="red")["colour"].source == "declared: wb does not know this field"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("instanceDir", "demo"),
        ("restart", "always"),
        ("french", False),
        ("memory", None),
        ("tags", None),
        ("env", None),
        ("dockerSocket", True),
        ("image", "timroberton/comb:wb-fastr-server-v1.6.7"),
    ],
)
def test_a_default_is_the_value_that_holds(name: str, value: Any) -> None:
    stock = replace(SETTINGS, platform_image=None)
    assert values(stock)[name].value == value
    assert values(stock)[name].source == "default"


def test_a_platform_that_is_no_stock_image_gets_no_socket() -> None:
    assert values(image="app:1")["dockerSocket"].value is False


def test_a_setting_decides_what_is_not_declared_and_its_origin_is_named() -> None:
    settings = replace(
        SETTINGS,
        platform_image="app:{version}",
        cache_persistence="aof",
        origins={"platform_image": "config.toml"},
    )
    assert values(settings)["image"].value == "app:1.6.7"
    assert values(settings)["image"].source == "setting: platform_image (config.toml)"
    assert values(settings)["cachePersistence"].value == "aof"
    assert values(settings, cachePersistence="rdb")["cachePersistence"].source == "declared"


def test_addresses_folder_and_images_follow_from_the_others() -> None:
    settings = replace(SETTINGS, domain="x.org", postgres_bind_address="::1")
    found = values(settings, instanceDir="a/b", adminVersion="2")
    assert found["url"].value == "https://demo.x.org"
    assert found["platformAddress"].value.endswith(":9001")
    assert found["postgresPort"].value == 19001
    assert found["postgresAddress"].value == "[::1]:19001"
    assert found["folder"].value == str(settings.mount_path / "a/b")
    assert found["postgresImage"].value == settings.postgres_image
    assert found["adminImage"].value == settings.admin_image.format(version="2")
    assert "adminImage" not in values()


def test_settings_of_postgresql_are_those_of_the_instance_and_of_all() -> None:
    settings = replace(
        SETTINGS,
        postgres_settings={"work_mem": "16MB", "jit": "off"},
        origins={"postgres_settings": "config.toml"},
    )
    shared = values(settings)["postgresSettings"]
    assert shared.value == {"work_mem": "16MB", "jit": "off"}
    assert shared.source == "setting: postgres_settings (config.toml)"
    merged = values(settings, postgresSettings={"work_mem": "1GB"})["postgresSettings"]
    assert merged.value == {"work_mem": "1GB", "jit": "off"}
    assert merged.source == "declared: jit: setting postgres_settings (config.toml)"
    own = values(SETTINGS, postgresSettings={"work_mem": "1GB"})["postgresSettings"]
    assert (own.value, own.source) == ({"work_mem": "1GB"}, "declared")
    assert (values()["postgresSettings"].value, values()["postgresSettings"].source) == (
        None,
        "default",
    )


def test_limits_and_the_rotation_of_logs_are_shown() -> None:
    settings = replace(SETTINGS, log_max_files=5, shm_size=2**29)
    found = values(settings, valkeyMemory="2g")
    assert found["logRotation"].value == "5 files of 10.0 MiB"
    assert (found["shmSize"].value, found["shmSize"].size) == (2**29, "512m")
    assert found["port"].size == found["valkeyMemory"].size == ""
    assert found["valkeyMemory"].source == "declared"
    assert found["postgresCpus"].source == "default"

"""What an instance's containers must be. integration/ tests what the engine makes of it."""

from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import (
    DEMO,
    FIELD_CHANGES,
    KEY,
    SETTINGS,
    credentials,
    environment,
    part,
    wanted,
)
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import PASSED_ON_SETTINGS, Role
from wb_cli.engine.types import Mount, Port
from wb_cli.instances.entries import FIELDS
from wb_cli.instances.own_environment import REASONS
from wb_cli.lifecycle.planning.desired import (
    choose_images,
    describe,
    instance_path,
    is_stock,
    name_stock_image,
)
from wb_cli.secret import Secret


def test_containers_stand_in_start_order() -> None:
    assert [spec.role for spec in wanted(admin_version="2").containers] == [
        Role.POSTGRES,
        Role.VALKEY,
        Role.ADMIN,
        Role.PLATFORM,
    ]
    assert wanted().container(Role.ADMIN) is None


def test_valkey_s_command_is_the_contract_s_with_a_limit_of_memory() -> None:
    assert part(wanted(), "demo-valkey").command == (
        "valkey-server", "--save", "60", "1",
        "--maxmemory", "1073741824", "--maxmemory-policy", "allkeys-lfu",
    )  # fmt: skip


def test_valkey_s_limit_and_persistence_are_the_instance_s_own_or_else_from_the_settings() -> None:
    settings = replace(SETTINGS, valkey_max_memory=2**31, cache_persistence="aof")
    command = part(wanted(settings=settings), "demo-valkey").command
    assert command[4:] == (
        "--maxmemory", "2147483648", "--maxmemory-policy", "allkeys-lfu",
        "--appendonly", "yes", "--appendfsync", "everysec",
    )  # fmt: skip
    own = part(
        wanted(settings=settings, valkey_max_memory=2**20 * 64, cache_persistence="rdb"),
        "demo-valkey",
    ).command
    assert own[4:] == ("--maxmemory", "67108864", "--maxmemory-policy", "allkeys-lfu")


def test_stop_timeouts_are_the_contract_s() -> None:
    timeouts = {spec.role: spec.stop_timeout for spec in wanted(admin_version="2").containers}
    assert timeouts == contract.STOP_TIMEOUTS


def test_an_instance_s_folder_is_its_instance_dir() -> None:
    assert instance_path(DEMO, SETTINGS) == Path("/mnt/demo")
    moved = wanted(instance_dir="data/one")
    assert part(moved, "demo-valkey").mounts == (Mount("/mnt/data/one/valkey_data", "/data"),)
    assert environment(moved)["DATABASE_FOLDER"] == "data/one"
    assert environment(moved)["SANDBOX_DIR_PATH_EXTERNAL"] == "/mnt/data/one/sandbox"


SOCKET = Mount("/var/run/docker.sock", "/var/run/docker.sock")
DATABASES = Mount("/mnt/demo/databases", "/app/databases")


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({}, (DATABASES, SOCKET)),
        ({"docker_socket": False}, (DATABASES,)),
        ({"mount_databases": False}, (SOCKET,)),
        ({"image": "team/app:1"}, ()),
        ({"image": "team/app:1", "docker_socket": True}, (SOCKET,)),
        ({"image": "team/app:1", "mount_databases": True}, (DATABASES,)),
    ],
)
def test_only_stock_images_get_the_socket_and_the_databases_unasked(
    change: dict[str, Any], more: tuple[Mount, ...]
) -> None:
    always = (
        Mount("/mnt/demo/sandbox", "/app/sandbox"),
        Mount("/mnt/demo/assets", "/app/assets"),
    )
    assert part(wanted(**change), "demo").mounts == always + more


@pytest.mark.parametrize(
    ("version", "image"),
    [
        ("1.6", "timroberton/comb:wb-fastr-server-v1.6"),
        ("1.6.7", "timroberton/comb:wb-fastr-server-v1.6.7"),
        ("1.10.0", "timroberton/comb:wb-fastr-server-v1.10.0"),
        ("2.0.0", "timroberton/comb:wb-fastr-server-v2.0.0"),
        ("1.5.9", "timroberton/comb:wb-hmis-server-v1.5.9"),
        ("0.9", "timroberton/comb:wb-hmis-server-v0.9"),
        ("nightly", "timroberton/comb:wb-hmis-server-vnightly"),
    ],
)
def test_the_stock_image_s_name_changed_with_1_6(version: str, image: str) -> None:
    assert name_stock_image(version) == image


def test_the_platform_s_image_is_the_instance_s_own_else_the_configured_one_else_stock() -> None:
    settings = replace(SETTINGS, platform_image="wb-platform:{version}")
    own = replace(DEMO, image="team/app:1")
    assert choose_images(own, settings)[Role.PLATFORM] == "team/app:1"
    assert choose_images(DEMO, settings)[Role.PLATFORM] == "wb-platform:1.6.7"
    assert choose_images(DEMO, SETTINGS)[Role.PLATFORM] == name_stock_image("1.6.7")
    assert [is_stock(DEMO, SETTINGS), is_stock(DEMO, settings), is_stock(own, SETTINGS)] == [
        True,
        False,
        False,
    ]


def test_the_admin_server_has_its_image_and_is_published_nowhere() -> None:
    admin = part(wanted(admin_version="2.0"), "demo-admin")
    assert admin.image == "timroberton/comb:wb-hmis-server-admin-v2.0"
    assert (admin.mounts, admin.ports, dict(admin.environment)) == ((), (), {})


def test_ports_take_the_instance_s_address_else_the_settings() -> None:
    settings = replace(SETTINGS, bind_address="0.0.0.0", postgres_bind_address="10.0.0.1")
    everywhere = wanted(settings=settings)
    assert part(everywhere, "demo").ports == (Port(8000, 9001, "0.0.0.0"),)
    assert part(everywhere, "demo-postgres").ports == (Port(5432, 19001, "10.0.0.1"),)
    own = wanted(settings=settings, bind_address="127.0.0.1", postgres_bind_address="::1")
    assert part(own, "demo").ports == (Port(8000, 9001, "127.0.0.1"),)
    assert part(own, "demo-postgres").ports == (Port(5432, 19001, "::1"),)


def test_by_default_only_these_variables_are_there() -> None:
    assert set(environment(wanted())) == {
        "INSTANCE_ID", "INSTANCE_NAME", "INSTANCE_REDIRECT_URL", "SERVER_VERSION",
        "DATABASE_FOLDER", "SANDBOX_DIR_PATH_EXTERNAL", "PG_HOST", "PG_PORT", "PG_PASSWORD",
        "VALKEY_URL",
    }  # fmt: skip


def test_the_admin_token_goes_to_our_image_alone() -> None:
    assert environment(wanted(image="wb-platform:1"))["WB_ADMIN_TOKEN"] == Secret("sesame-admin")


def test_an_instance_s_own_variables_win() -> None:
    own = environment(wanted(env={"PG_HOST": "elsewhere"}))
    assert own["PG_HOST"] == Secret("elsewhere")


def test_the_declaration_is_keyed_so_that_a_label_tells_nothing_of_a_password() -> None:
    one = describe(DEMO, SETTINGS, credentials(), KEY)
    other = describe(DEMO, SETTINGS, credentials(), b"x" * 32)
    assert [c.labels["wb.declared"] for c in one.containers] != [
        c.labels["wb.declared"] for c in other.containers
    ]


def test_a_password_that_changes_replaces_the_platform_and_not_the_database() -> None:
    old = describe(DEMO, SETTINGS, credentials("a", "b", "c"), KEY)
    new = describe(DEMO, SETTINGS, credentials("x", "y", "c"), KEY)
    changed = {
        o.role
        for o, n in zip(old.containers, new.containers, strict=True)
        if o.labels["wb.declared"] != n.labels["wb.declared"]
    }
    assert changed == {Role.PLATFORM}


def test_an_initialised_database_gets_no_password_and_has_the_same_spec() -> None:
    first = part(describe(DEMO, SETTINGS, credentials(), KEY), "demo-postgres")
    later = replace(credentials(), postgres_password=None)
    again = part(describe(DEMO, SETTINGS, later, KEY), "demo-postgres")
    assert [file.variable for file in first.secret_files] == ["POSTGRES_PASSWORD_FILE"]
    assert again == replace(first, secret_files=())


def test_every_variable_that_wb_sets_is_one_that_an_instance_may_not_set() -> None:
    # `env` is left out: its variables are the instance's own.
    changed = {
        field.attribute: FIELD_CHANGES[field.name] for field in FIELDS if field.name != "env"
    }
    platform = wanted(**changed).container(Role.PLATFORM)
    assert platform
    assert set(platform.environment) - set(PASSED_ON_SETTINGS) == set(REASONS) - {"PORT"}

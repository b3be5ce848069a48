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
    spec_of,
    wanted,
)
from msgspec.structs import replace

from wb_cli import contract
from wb_cli.contract import PASSED_ON_SETTINGS, Part
from wb_cli.engine.types import Mount, Port
from wb_cli.instances.own_environment import REASONS
from wb_cli.instances.registry_file.fields import FIELDS
from wb_cli.lifecycle.planning.desired import Credentials, describe, instance_path
from wb_cli.lifecycle.planning.images import choose_images, is_stock, name_stock_image
from wb_cli.secret import Secret


def test_containers_stand_in_start_order() -> None:
    every = wanted(admin_version="2", point_in_time=True)
    assert [spec.part for spec in every.containers] == list(Part)
    assert [spec.part for spec in wanted().containers] == list(contract.REQUIRED_PARTS)


def test_a_receiver_of_wal_has_postgres_s_image_and_shares_its_socket_and_nothing_else() -> None:
    every = wanted(point_in_time=True, postgres_image="postgres:18.1")
    postgres, receiver = spec_of(every, "demo-postgres"), spec_of(every, "demo-wal")
    socket = Mount("/mnt/demo/wal/socket", "/var/run/postgresql")
    assert socket in postgres.mounts
    assert receiver.mounts == (Mount("/mnt/demo/wal/received", "/wal"), socket)
    assert receiver.image == postgres.image == "postgres:18.1"
    assert not receiver.ports


def test_an_instance_without_a_receiver_looks_as_if_there_were_none() -> None:
    for without in (wanted(), wanted(point_in_time=False)):
        assert without.container(Part.WAL) is None
        assert all("wal" not in str(spec.mounts) for spec in without.containers)


def test_valkey_s_command_is_the_contract_s_with_a_limit_of_memory() -> None:
    assert spec_of(wanted(), "demo-valkey").command == (
        "valkey-server", "--save", "60", "1",
        "--maxmemory", "1073741824", "--maxmemory-policy", "allkeys-lfu",
    )  # fmt: skip


def test_valkey_s_limit_and_persistence_are_the_instance_s_own_or_else_from_the_settings() -> None:
    settings = replace(SETTINGS, valkey_max_memory=2**31, cache_persistence="aof")
    command = spec_of(wanted(settings=settings), "demo-valkey").command
    assert command[4:] == (
        "--maxmemory", "2147483648", "--maxmemory-policy", "allkeys-lfu",
        "--appendonly", "yes", "--appendfsync", "everysec",
    )  # fmt: skip
    own = spec_of(
        wanted(settings=settings, valkey_max_memory=2**20 * 64, cache_persistence="rdb"),
        "demo-valkey",
    ).command
    assert own[4:] == ("--maxmemory", "67108864", "--maxmemory-policy", "allkeys-lfu")


def test_a_new_database_gets_checksums_and_an_old_one_looks_just_as_the_new_one_will() -> None:
    new = spec_of(wanted(), "demo-postgres")
    known = Credentials(None, Secret("sesame"), Secret("sesame"))
    old = spec_of(describe(DEMO, SETTINGS, known, KEY), "demo-postgres")
    assert new.first_environment == {"POSTGRES_INITDB_ARGS": "--data-checksums"}
    assert old.first_environment == {}
    assert old.labels["wb.spec"] == new.labels["wb.spec"]


@pytest.mark.parametrize(
    ("image", "mounted_at"),
    [
        ("postgres:17.4", "/var/lib/postgresql/data"),
        ("postgres:9.6", "/var/lib/postgresql/data"),
        ("postgres:18", "/var/lib/postgresql"),
        ("mirror.org:5000/team/postgres:18.1-alpine3.22", "/var/lib/postgresql"),
        (f"postgres:19@sha256:{'0' * 64}", "/var/lib/postgresql"),
        ("mirror.org:5000/postgres", "/var/lib/postgresql/data"),
        ("postgres:latest", "/var/lib/postgresql/data"),
        ("postgres:20260101x", "/var/lib/postgresql/data"),
    ],
)
def test_the_databases_are_mounted_where_the_image_expects_them(
    image: str, mounted_at: str
) -> None:
    settings = replace(SETTINGS, postgres_image=image)
    spec = spec_of(wanted(settings=settings), "demo-postgres")
    assert spec.mounts[0] == Mount("/mnt/demo/databases", mounted_at)
    assert spec.environment == {"PGDATA": f"{mounted_at}/pgdata"}
    assert spec.data_folder == "/mnt/demo/databases"


def test_an_instance_s_own_image_of_postgresql_wins_and_says_where_its_folder_is() -> None:
    spec = spec_of(wanted(postgres_image="team/postgres:18.1"), "demo-postgres")
    assert spec.image == "team/postgres:18.1"
    assert spec.environment == {"PGDATA": "/var/lib/postgresql/pgdata"}


def test_an_image_of_postgresql_is_the_same_whether_the_instance_or_the_host_declares_it() -> None:
    own = wanted(postgres_image="postgres:17.9")
    host = wanted(settings=replace(SETTINGS, postgres_image="postgres:17.9"))
    assert own.containers == host.containers


def test_stop_timeouts_are_the_contract_s() -> None:
    every = wanted(admin_version="2", point_in_time=True)
    timeouts = {spec.part: spec.stop_timeout for spec in every.containers}
    assert timeouts == contract.STOP_TIMEOUTS


def test_an_instance_s_folder_is_its_instance_dir() -> None:
    assert instance_path(DEMO, SETTINGS) == Path("/mnt/demo")
    moved = wanted(instance_dir="data/one")
    assert spec_of(moved, "demo-valkey").mounts == (Mount("/mnt/data/one/valkey_data", "/data"),)
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
    assert spec_of(wanted(**change), "demo").mounts == always + more


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
    assert choose_images(own, settings)[Part.PLATFORM] == "team/app:1"
    assert choose_images(DEMO, settings)[Part.PLATFORM] == "wb-platform:1.6.7"
    assert choose_images(DEMO, SETTINGS)[Part.PLATFORM] == name_stock_image("1.6.7")
    assert [is_stock(DEMO, SETTINGS), is_stock(DEMO, settings), is_stock(own, SETTINGS)] == [
        True,
        False,
        False,
    ]


def test_the_admin_server_has_its_image_and_is_published_nowhere() -> None:
    admin = spec_of(wanted(admin_version="2.0"), "demo-admin")
    assert admin.image == "timroberton/comb:wb-hmis-server-admin-v2.0"
    assert (admin.mounts, admin.ports, dict(admin.environment)) == ((), (), {})


def test_ports_take_the_instance_s_address_else_the_settings() -> None:
    settings = replace(SETTINGS, bind_address="0.0.0.0", postgres_bind_address="10.0.0.1")
    everywhere = wanted(settings=settings)
    assert spec_of(everywhere, "demo").ports == (Port(8000, 9001, "0.0.0.0"),)
    assert spec_of(everywhere, "demo-postgres").ports == (Port(5432, 19001, "10.0.0.1"),)
    own = wanted(settings=settings, bind_address="127.0.0.1", postgres_bind_address="::1")
    assert spec_of(own, "demo").ports == (Port(8000, 9001, "127.0.0.1"),)
    assert spec_of(own, "demo-postgres").ports == (Port(5432, 19001, "::1"),)


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
        o.part
        for o, n in zip(old.containers, new.containers, strict=True)
        if o.labels["wb.declared"] != n.labels["wb.declared"]
    }
    assert changed == {Part.PLATFORM}


def test_an_initialised_database_gets_no_password_and_has_the_same_spec() -> None:
    first = spec_of(describe(DEMO, SETTINGS, credentials(), KEY), "demo-postgres")
    later = replace(credentials(), postgres_password=None)
    again = spec_of(describe(DEMO, SETTINGS, later, KEY), "demo-postgres")
    assert [file.variable for file in first.secret_files] == ["POSTGRES_PASSWORD_FILE"]
    assert again == replace(first, secret_files=(), first_environment={})


def test_every_variable_that_wb_sets_is_one_that_an_instance_may_not_set() -> None:
    # `env` is left out: its variables are the instance's own.
    changed = {
        field.attribute: FIELD_CHANGES[field.name] for field in FIELDS if field.name != "env"
    }
    platform = wanted(**changed).container(Part.PLATFORM)
    assert platform
    assert set(platform.environment) - set(PASSED_ON_SETTINGS) == set(REASONS) - {"PORT"}

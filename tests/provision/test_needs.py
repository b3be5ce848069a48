"""Which images are needed, which are pulled, and which can be replaced."""

import pytest
from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace

from wb_cli import __version__
from wb_cli.contract import Part
from wb_cli.instances.local_images import PLATFORM, POSTGRES, VALKEY
from wb_cli.instances.model import Instance
from wb_cli.lifecycle.planning.missing_image import suggest_remedy
from wb_cli.provision.needs import (
    NeededImage,
    find_stock_users,
    list_images_to_pull,
    list_needed_images,
)

OURS = replace(
    SETTINGS,
    postgres_image=POSTGRES.reference,
    valkey_image=VALKEY.reference,
    platform_image=PLATFORM.reference,
)
OLD = Instance("old", "Old", 9000, "1.5.2")
NEW = Instance("new", "New", 9001, "1.6.7", admin_version="2.0")


def test_pull_fetches_the_contracts_images_and_each_platform_once() -> None:
    twin = replace(NEW, id="twin", port=9002)
    assert list_images_to_pull([OLD, NEW, twin], SETTINGS) == (
        "timroberton/comb:wb-hmis-r-linux",
        "postgres:17.4",
        "dpage/pgadmin4",
        "valkey/valkey:8",
        "timroberton/comb:wb-hmis-server-v1.5.2",
        "timroberton/comb:wb-fastr-server-v1.6.7",
        "timroberton/comb:wb-hmis-server-admin-v2.0",
    )


def test_pull_fetches_what_stock_platforms_start_only_where_one_may_be() -> None:
    own = replace(OLD, image="app:1")
    helpers = {"timroberton/comb:wb-hmis-r-linux", "dpage/pgadmin4"}
    assert list_images_to_pull([own], SETTINGS) == (
        "postgres:17.4",
        "valkey/valkey:8",
        "app:1",
    )
    assert helpers <= set(list_images_to_pull([own, NEW], SETTINGS))
    assert helpers <= set(list_images_to_pull([], SETTINGS))
    assert not helpers & set(list_images_to_pull([], OURS))
    assert not helpers & set(list_images_to_pull([NEW], OURS))


def test_pull_takes_the_configured_list_and_an_instances_own_image() -> None:
    settings = replace(SETTINGS, pull_images=("a:1", "b:1"))
    assert list_images_to_pull([replace(OLD, image="b:1")], settings) == ("a:1", "b:1")


def test_pull_fetches_an_instances_own_image_of_postgresql_and_no_recipe_replaces_it() -> None:
    own = replace(OLD, image="app:1", postgres_image="postgres:18.1")
    assert list_images_to_pull([own], SETTINGS)[:3] == (
        "postgres:17.4",
        "valkey/valkey:8",
        "postgres:18.1",
    )
    assert NeededImage("postgres:18.1", None) in list_needed_images([own], SETTINGS)
    ours = replace(own, postgres_image=POSTGRES.tag)
    assert NeededImage(POSTGRES.tag, POSTGRES) in list_needed_images([ours], SETTINGS)


def test_a_host_without_instances_needs_the_images_of_a_first_one() -> None:
    assert list_needed_images([], SETTINGS) == (
        NeededImage("postgres:17.4", POSTGRES),
        NeededImage("valkey/valkey:8", VALKEY),
        NeededImage(PLATFORM.tag, PLATFORM),
    )
    assert all(image.is_ours for image in list_needed_images([], OURS))


def test_no_recipe_replaces_a_stock_platform_of_another_version() -> None:
    platform = NeededImage("timroberton/comb:wb-hmis-server-v1.5.2", None)
    assert platform in list_needed_images([OLD], SETTINGS)


def test_wb_s_platform_replaces_the_stock_one_of_the_same_version() -> None:
    ours = replace(OLD, server_version=__version__)
    image = f"timroberton/comb:wb-hmis-server-v{__version__}"
    assert NeededImage(image, PLATFORM) in list_needed_images([ours], SETTINGS)
    assert NeededImage(PLATFORM.tag, PLATFORM) in list_needed_images([ours], OURS)


def test_no_recipe_replaces_an_image_that_an_instance_chose() -> None:
    chosen = replace(OLD, server_version=__version__, image="mine:1")
    assert NeededImage("mine:1", None) in list_needed_images([chosen], SETTINGS)


def test_wb_s_platform_does_not_replace_the_stock_ones_that_instances_run() -> None:
    own = replace(NEW, image="mine:1")
    same = replace(NEW, server_version=__version__)
    assert find_stock_users([OLD, own, same], SETTINGS) == (OLD,)
    assert find_stock_users([OLD], OURS) == ()


MISSING = {
    "wb-platform:9.9.9": "`wb config set demo serverVersion=...`",
    f"wb-platform:{__version__}": "`wb images build platform` builds it.",
    "wb-valkey:8": "`wb images build valkey` builds it.",
}


def test_the_remedy_of_a_missing_image_of_postgresql_names_who_chose_it() -> None:
    own = replace(DEMO, postgres_image="postgres:18.1")
    own_remedy = suggest_remedy(own, Part.POSTGRES, "postgres:18.1")
    assert "`wb config set demo postgresImage=...`" in own_remedy
    assert "postgresImage" not in suggest_remedy(DEMO, Part.POSTGRES, "postgres:17.4")


@pytest.mark.parametrize(("reference", "remedy"), MISSING.items(), ids=MISSING)
def test_the_remedy_of_a_missing_image(reference: str, remedy: str) -> None:
    assert remedy in suggest_remedy(DEMO, Part.PLATFORM, reference)

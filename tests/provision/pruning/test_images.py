"""Which images of wb nobody needs."""

from collections.abc import Mapping
from typing import Any

from lifecycle.examples import DEMO, SETTINGS
from msgspec.structs import replace

from wb_cli.engine.types import ListedImage
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.model import Instance
from wb_cli.instances.registry_file.refused import RefusedEntry
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.provision.pruning.images import DAY_S, Needs, find_unneeded, split_tag
from wb_cli.provision.recipes import LABEL_RECIPE

STOCK = "timroberton/comb:wb-fastr-server-v"
NOW = 100 * DAY_S
RECIPE = {LABEL_RECIPE: "digest"}


def image(*references: str, created: float = 0, labels: Any = None) -> ListedImage:
    return ListedImage(f"sha256:{'+'.join(references)}", references, labels or {}, 1, created)


def unneeded(
    *images: ListedImage,
    instances: tuple[Instance, ...] = (DEMO,),
    refused: tuple[RefusedEntry, ...] = (),
    settings: Settings = SETTINGS,
    previous: Mapping[str, str] | None = None,
    in_use: tuple[str, ...] = (),
) -> list[str]:
    needs = Needs(Registry(instances, refused), settings, previous or {}, in_use)
    return [item.target for item in find_unneeded(images, needs, NOW)]


def versions(*numbers: str) -> list[ListedImage]:
    """Stock platforms, the newest last."""
    return [image(f"{STOCK}{number}", created=place) for place, number in enumerate(numbers)]


def test_the_version_that_runs_and_the_one_before_stay() -> None:
    stock = versions("1.5.0", "1.6.0", "1.6.6", "1.6.7")
    previous = {"demo": f"{STOCK}1.5.0"}
    assert unneeded(*stock, previous=previous) == [f"{STOCK}1.6.0", f"{STOCK}1.6.6"]


def test_where_the_history_knows_no_version_before_the_newest_other_stays() -> None:
    stock = versions("1.5.0", "1.6.0", "1.6.6", "1.6.7")
    assert unneeded(*stock) == [f"{STOCK}1.5.0", f"{STOCK}1.6.0"]


def test_an_image_in_use_by_any_container_stays() -> None:
    stock = versions("1.5.0", "1.6.6", "1.6.7")
    assert unneeded(*stock, in_use=(stock[0].id,)) == []


def test_images_of_others_stay() -> None:
    others: Any = [image("postgres:15"), image("shop/app:1"), image(), image("timroberton/other:1")]
    assert unneeded(*others, image("timroberton/comb:wb-hmis-r-linux")) == []


def test_what_settings_and_this_release_name_stays() -> None:
    named = [SETTINGS.postgres_image, SETTINGS.valkey_image, "wb-postgres:17", "wb-valkey:8"]
    assert unneeded(*(image(name, labels=RECIPE) for name in named)) == []


def test_the_image_of_databases_that_an_upgrade_kept_stays() -> None:
    needs = Needs(Registry((DEMO,), ()), SETTINGS, {}, (), ("wb-postgres:15",))
    images = [image(f"wb-postgres:{major}", labels=RECIPE) for major in (14, 15)]
    found = find_unneeded(images, needs, NOW)
    assert [item.target for item in found] == ["wb-postgres:14"]


def test_an_earlier_platform_of_a_recipe_goes() -> None:
    assert unneeded(image("wb-platform:0.0.1", labels=RECIPE)) == ["wb-platform:0.0.1"]


def test_a_build_without_a_name_goes_once_it_is_a_day_old() -> None:
    old = replace(image(labels=RECIPE), last_step="#(nop)  LABEL wb.recipe=digest")
    young = replace(old, id="sha256:young", created=NOW - 60)
    assert unneeded(old, young) == [old.id]


def test_what_another_built_on_an_image_of_wb_stays() -> None:
    named = image("shop/app:1", labels=RECIPE)
    nameless = replace(image(labels=RECIPE), last_step="/bin/sh -c make")
    assert unneeded(named, nameless) == []


def test_other_versions_of_an_image_that_an_instance_names_are_judged_like_stock_ones() -> None:
    own = replace(DEMO, image="team/app:3")
    images = [image(f"team/app:{number}", created=number) for number in (1, 2, 3)]
    assert unneeded(*images, instances=(own,)) == ["team/app:1"]


def test_images_made_from_the_settings_pattern_are_platforms() -> None:
    settings = replace(SETTINGS, platform_image="registry:5000/app:v{version}-x")
    images = [image(f"registry:5000/app:v{n}-x", created=n) for n in (1, 2)]
    current = image("registry:5000/app:v1.6.7-x", created=3)
    assert unneeded(*images, current, settings=settings) == ["registry:5000/app:v1-x"]


def test_what_a_refused_entry_may_need_stays() -> None:
    raw = {"id": "mali", "port": "9", "serverVersion": "1.6.0", "image": "team/app:1"}
    raw |= {"postgresImage": "wb-postgres:15"}
    refused = (RefusedEntry(0, "mali", (), raw),)
    settings = replace(SETTINGS, platform_image="team/app:{version}")
    images = [image(f"{STOCK}1.6.0"), image("team/app:1"), image("team/app:1.6.0")]
    images.append(image("wb-postgres:15", labels=RECIPE))
    assert unneeded(*images, instances=(), refused=refused, settings=settings) == []


def test_a_reference_is_split_at_its_tag() -> None:
    assert split_tag("registry:5000/team/app:1") == ("registry:5000/team/app", "1")
    assert split_tag("registry:5000/team/app") == ("registry:5000/team/app", "")

"""Building images from recipes, with an engine's images in memory."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.fake_images import FakeImages

from wb_cli import contract
from wb_cli.errors import WbError
from wb_cli.host import base_image, wheels
from wb_cli.instances.host_settings.settings import load
from wb_cli.instances.local_images import PLATFORM, POSTGRES, VALKEY, Recipe
from wb_cli.provision import build as provision
from wb_cli.provision.recipes import BASE, LABEL_RECIPE, PUBLIC_BASE

RECIPES = (POSTGRES, VALKEY)


@pytest.fixture
def images() -> FakeImages:
    images = FakeImages()
    images.publish(PUBLIC_BASE)
    return images


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stands for Debian's packages. Gives the archives that were made of them."""
    made: list[Path] = []

    def make(archive: Path) -> None:
        archive.write_bytes(b"\0" * 10240)  # an empty tar file
        made.append(archive)

    monkeypatch.setattr(base_image, "make_base", make)
    return made


def built(images: FakeImages, *, rebuild: bool = False) -> dict[str, bool | str]:
    ended = provision.build_all(images, RECIPES, rebuild=rebuild, mirror="", report=lambda *_: None)
    return {
        recipe.name: outcome.message if isinstance(outcome, WbError) else outcome
        for recipe, outcome in ended
    }


def test_missing_images_are_built_on_one_base_and_labelled_with_their_recipes(
    images: FakeImages,
) -> None:
    assert built(images) == {"postgres": True, "valkey": True}
    assert images.asked == [PUBLIC_BASE]
    assert {spec.arguments["BASE"] for spec in images.builds} == {BASE}
    assert all(provision.is_current(images, recipe) for recipe in RECIPES)


def test_the_image_of_postgresql_is_told_the_version_that_was_installed(
    images: FakeImages,
) -> None:
    images.prints[POSTGRES.tag] = ["postgres (PostgreSQL) 17.11 (Debian 17.11-0+deb13u1)"]
    report = lambda *_: None  # noqa: E731
    provision.build(images, POSTGRES, mirror="", report=report, use_cache=False)
    first, again = images.builds
    assert (first.arguments, first.use_cache) == ({"BASE": BASE}, False)
    assert again.arguments == {"BASE": BASE, "PG_VERSION": "17.11"}
    assert again.use_cache
    assert again.labels == first.labels


def test_a_current_image_is_not_built_again(images: FakeImages) -> None:
    built(images)
    assert built(images) == {"postgres": False, "valkey": False}
    assert len(images.builds) == len(RECIPES)


def test_an_image_that_another_recipe_built_is_built_anew(images: FakeImages) -> None:
    built(images)
    images.have(VALKEY.tag, **{LABEL_RECIPE: "another"})
    assert built(images) == {"postgres": False, "valkey": True}


def test_a_rebuild_makes_everything_anew_without_the_engine_s_cache(images: FakeImages) -> None:
    built(images)
    assert built(images, rebuild=True) == {"postgres": True, "valkey": True}
    assert [spec.use_cache for spec in images.builds] == [True, True, False, False]
    assert images.asked == [PUBLIC_BASE, PUBLIC_BASE]


def test_a_build_that_fails_does_not_stop_the_others(images: FakeImages) -> None:
    images.refuses_build_of[POSTGRES.tag] = "no such package"
    assert built(images) == {
        "postgres": f"cannot build {POSTGRES.tag}: no such package",
        "valkey": True,
    }


def test_the_platform_is_built_from_the_package_and_the_wheels_that_it_needs(
    images: FakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads: list[Path] = []

    def download(folder: Path, locks: Iterable[Path]) -> None:
        assert [lock.name for lock in locks] == ["requirements.txt", "pip.txt"]
        downloads.append(folder)
        (folder / "uvicorn-1-py3-none-any.whl").write_bytes(b"wheel")

    monkeypatch.setattr(wheels, "download", download)
    for _ in range(2):
        provision.build(images, PLATFORM, mirror="", report=lambda *_: None)
    first, second = images.builds
    assert (first.context, first.labels) == (second.context, second.labels)
    context = first.context
    assert context["wheels/uvicorn-1-py3-none-any.whl"] == b"wheel"
    assert b"\nuvicorn" in context["requirements.txt"]
    assert context["wb_cli/contract.py"] == Path(contract.__file__).read_bytes()
    assert {path.partition("/")[0] for path in context} == {
        "Dockerfile",
        "pip.txt",
        "requirements.txt",
        "wb_cli",
        "wheels",
    }
    assert provision.is_current(images, PLATFORM)
    assert len(downloads) == 2  # to see that the image is current takes no download


def test_a_platform_of_other_code_is_built_anew(
    images: FakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "download", lambda *_: None)
    provision.build(images, PLATFORM, mirror="", report=lambda *_: None)
    monkeypatch.setattr(wheels, "read_package", lambda: {"wb_cli/__init__.py": b"2"})
    assert not provision.is_current(images, PLATFORM)


def test_a_platform_of_other_requirements_is_built_anew(
    images: FakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "download", lambda *_: None)
    provision.build(images, PLATFORM, mirror="", report=lambda *_: None)
    monkeypatch.setattr(provision, "read_files", lambda _: {"requirements.txt": b"uvicorn==2"})
    assert not provision.is_current(images, PLATFORM)


def test_the_base_is_made_from_debian_s_packages_if_no_registry_has_it(
    images: FakeImages, debian: list[Path]
) -> None:
    images.registry.clear()
    assert built(images) == {"postgres": True, "valkey": True}
    assert len(debian) == 1
    assert images.read_labels(BASE) == {LABEL_RECIPE: "base"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_built_image_becomes_the_setting_unless_another_source_wins(
    recipe: Recipe, tmp_path: Path
) -> None:
    settings = load({}, {"WB_CONFIG_DIR": str(tmp_path)})
    assert provision.set_image_setting(recipe, settings, ()).startswith(f"{recipe.setting} is now ")
    written = load({}, {"WB_CONFIG_DIR": str(tmp_path)})
    assert getattr(written, recipe.setting) == recipe.reference
    assert provision.set_image_setting(recipe, written, ()) == ""
    flagged = replace(settings, origins={recipe.setting: "flag"})
    assert provision.set_image_setting(recipe, flagged, ()).endswith("but flag wins over it.")

"""Build images from recipes, for set-up and ``wb images build``."""

import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from wb_cli.engine.base import ImageStore
from wb_cli.engine.types import BuildSpec
from wb_cli.errors import WbError
from wb_cli.host import base_image, wheels
from wb_cli.instances.host_settings.config_file import write_setting
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.instances.local_images import PLATFORM, Recipe
from wb_cli.instances.model import Instance
from wb_cli.provision.needs import find_stock_users
from wb_cli.provision.recipes import (
    BASE,
    LABEL_RECIPE,
    PUBLIC_BASE,
    digest,
    find_locks,
    read_files,
)
from wb_cli.provision.side_by_side import run_side_by_side

AT_A_TIME = 3
PRINTED_VERSION = re.compile(r"postgres \(PostgreSQL\) (\d+\.\d+)")
# Builds run side by side, but only one of them makes the base.
_one_base = threading.Lock()

Report = Callable[[str, str], None]


def build_all(
    images: ImageStore, recipes: Sequence[Recipe], *, rebuild: bool, mirror: str, report: Report
) -> Iterator[tuple[Recipe, bool | WbError]]:
    """Build the images that are missing or outdated, side by side on one base.

    Yields each recipe with whether it had to be built, or with its error. ``rebuild`` builds all
    images and the base anew, from newly fetched packages.
    """
    stale = [recipe for recipe in recipes if rebuild or not is_current(images, recipe)]
    yield from ((recipe, False) for recipe in recipes if recipe not in stale)
    if stale and rebuild:
        make_base(images, mirror=mirror, report=report)

    def job(recipe: Recipe) -> Callable[[], bool]:
        return lambda: build(images, recipe, mirror=mirror, report=report, use_cache=not rebuild)

    by_name = {recipe.name: recipe for recipe in stale}
    jobs = {name: job(recipe) for name, recipe in by_name.items()}
    for name, outcome in run_side_by_side(jobs, AT_A_TIME):
        yield by_name[name], outcome


def build(
    images: ImageStore, recipe: Recipe, *, mirror: str, report: Report, use_cache: bool = True
) -> bool:
    """Build the image of a recipe. Make the base first if there is none."""
    with _one_base:
        if images.find(BASE) is None:
            make_base(images, mirror=mirror, report=report)
    report(recipe.tag, "collecting its files")
    spec = BuildSpec(
        tag=recipe.tag,
        context=_collect_context(recipe),
        arguments={"BASE": BASE},
        labels={LABEL_RECIPE: digest(_collect_source(recipe))},
        use_cache=use_cache,
    )

    versions: list[str] = []

    def on_line(line: str) -> None:
        if step := re.match(r"Step (\d+)/(\d+) ", line):
            report(recipe.tag, f"step {step[1]} of {step[2]}")
        if version := PRINTED_VERSION.match(line):
            versions.append(version[1])

    images.build(spec, on_line)
    if versions:
        # The version is known only once it is installed. The image says it as the official one.
        arguments = {**spec.arguments, "PG_VERSION": versions[-1]}
        images.build(replace(spec, arguments=arguments, use_cache=True), on_line)
    return True


def is_current(images: ImageStore, recipe: Recipe) -> bool:
    """Whether the image exists and was built from the recipe as it is now."""
    return images.read_labels(recipe.tag).get(LABEL_RECIPE) == digest(_collect_source(recipe))


def make_base(images: ImageStore, *, mirror: str, report: Report) -> None:
    """Get the base image from a registry. If none answers, make it from Debian's packages."""
    report(BASE, f"asking for {PUBLIC_BASE}")
    try:
        images.pull(PUBLIC_BASE, lambda progress: report(BASE, str(progress)), mirror=mirror)
        images.tag(PUBLIC_BASE, BASE)
    except WbError as error:
        report(BASE, f"making it from Debian's packages ({error.message})")
        with tempfile.TemporaryDirectory(prefix="wb-base-") as folder:
            archive = Path(folder, "base.tar")
            base_image.make_base(archive)
            images.import_archive(archive, BASE, {LABEL_RECIPE: "base"})


def set_image_setting(recipe: Recipe, settings: Settings, instances: Sequence[Instance]) -> str:
    """Set wb to use the image of a recipe. Say in a sentence what was set, or why nothing was."""
    name, value = recipe.setting, recipe.reference
    if getattr(settings, name) == value:
        return ""
    others = find_stock_users(instances, settings) if recipe == PLATFORM else ()
    if others:
        ids = ", ".join(instance.id for instance in others)
        return (
            f"{name} is left as it is: {ids} would lose the stock image. "
            f"`wb config set <id> image={recipe.tag}` chooses it for one instance."
        )
    write_setting(settings.config_file, name, value)
    origin = settings.origins.get(name, "default")
    if origin in {"default", settings.config_file.name}:
        return f"{name} is now {value}, in {settings.config_file}."
    return f"{name} is set to {value} in {settings.config_file}, but {origin} wins over it."


def set_image_settings(
    recipes: Sequence[Recipe], settings: Settings, instances: Sequence[Instance]
) -> list[str]:
    """Set wb to use the image of each recipe. Return the notes on what was set."""
    notes = (set_image_setting(recipe, settings, instances) for recipe in recipes)
    return [note for note in notes if note]


def _collect_source(recipe: Recipe) -> dict[str, bytes]:
    """Collect the files of ours that the image is built from. Its packages are not among them."""
    files = read_files(recipe)
    if recipe == PLATFORM:
        files |= wheels.read_package()
    return files


def _collect_context(recipe: Recipe) -> dict[str, bytes]:
    """Collect the build folder: the source, and the wheels that the platform needs."""
    files = _collect_source(recipe)
    if recipe == PLATFORM:
        with tempfile.TemporaryDirectory(prefix="wb-wheels-") as folder, find_locks() as locks:
            wheels.download(Path(folder), locks)
            files |= {f"wheels/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
    return files

"""What to do about an image that is not on the engine."""

from wb_cli.contract import Part
from wb_cli.instances.local_images import RECIPES
from wb_cli.instances.model import Instance


def suggest_remedy(instance: Instance, part: Part, reference: str, ids: str = "") -> str:
    """Say how to get an image that is missing. If wb cannot build it, say how to choose another.

    ``ids`` are the instances that miss it, if there are others.
    """
    for name, recipe in RECIPES.items():
        if reference == recipe.tag:
            return f"`wb images build {name}` builds it."
    is_of_postgres = part in {Part.POSTGRES, Part.WAL}
    is_own_postgres = is_of_postgres and instance.postgres_image is not None
    if (is_of_postgres or part is Part.VALKEY) and not is_own_postgres:
        return "`wb pull` fetches it; `wb images build` builds one to use instead."
    own = "image" if instance.image else "serverVersion"
    of_postgres = dict.fromkeys((Part.POSTGRES, Part.WAL), "postgresImage")
    fields = {Part.PLATFORM: own, Part.ADMIN: "adminVersion", **of_postgres}
    return (
        "`wb pull` fetches it where a registry has it; else choose one that `docker images` "
        f"lists: `wb config set {ids or instance.id} {fields[part]}=...`."
    )

"""What to do about an image that is not on the engine."""

from wb_cli.contract import Role
from wb_cli.instances.local_images import RECIPES
from wb_cli.instances.model import Instance


def remedy_of_missing_image(instance: Instance, role: Role, reference: str) -> str:
    """How an image comes to be on the engine; of what wb cannot build, how to choose another."""
    for name, recipe in RECIPES.items():
        if reference == recipe.tag:
            return f"`wb images build {name}` builds it."
    if role in {Role.POSTGRES, Role.VALKEY}:
        return "`wb pull` fetches it; `wb images build` builds one to use instead."
    own = "image" if instance.image else "serverVersion"
    field = own if role is Role.PLATFORM else "adminVersion"
    return (
        "`wb pull` fetches it where a registry has it; else choose one that `docker images` "
        f"lists: `wb config set {instance.id} {field}=...`."
    )

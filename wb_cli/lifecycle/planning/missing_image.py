"""What to do about an image that is not on the engine."""

from wb_cli.contract import Role
from wb_cli.instances.local_images import RECIPES
from wb_cli.instances.model import Instance


def suggest_remedy(instance: Instance, role: Role, reference: str) -> str:
    """Say how to get an image that is missing. If wb cannot build it, say how to choose another."""
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

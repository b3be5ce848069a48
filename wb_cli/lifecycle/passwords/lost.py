"""Take an instance's secrets back from its platform's container, where their file was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wb_cli.contract import Env, Part
from wb_cli.instances.secrets import InstanceSecrets
from wb_cli.lifecycle.fleet import find_listed
from wb_cli.lifecycle.planning.desired import Credentials, describe

if TYPE_CHECKING:
    from wb_cli.instances.model import Instance
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.lifecycle.options import RunOptions

# Digests of secrets are of no interest here.
NO_KEY = b""


def bring_secrets_back(fleet: Fleet, instance: Instance, options: RunOptions) -> None:
    """Keep the secrets that the platform was made with, if none are kept of the instance.

    What is kept is never changed, even if it is damaged: whoever needs it then says so. A password
    that the host's settings give is not kept.
    """
    if fleet.secrets.has(instance.id):
        return
    found = _find_secrets(fleet, instance)
    if found is None:
        return
    if options.dry_run:
        options.tell("its secrets are lost; they would be taken from its platform's container")
        return
    fleet.secrets.bring_back(instance.id, found)
    options.tell("its secrets were lost; they were taken from its platform's container")


def _find_secrets(fleet: Fleet, instance: Instance) -> InstanceSecrets | None:
    # One that was set aside has another name, and may have older secrets.
    listed = find_listed(instance.id, fleet.engine.observe())
    platform = listed.container(Part.PLATFORM.container_name(instance.id))
    if platform is None:
        return None
    variables = dict(fleet.engine.read_configuration(platform.id).environment)
    token, password = (variables.pop(name, None) for name in (Env.WB_ADMIN_TOKEN, Env.PG_PASSWORD))
    if token is None or password is None:
        return None
    settings = fleet.settings
    is_given = password in {settings.postgres_password, settings.pg_password}
    wanted = describe(instance, settings, Credentials(None, password, token), NO_KEY)
    declared = wanted.container(Part.PLATFORM)
    # What nothing declares came with an adopted platform.
    adopted = {
        name: value
        for name, value in variables.items()
        if declared and name not in declared.environment
    }
    return InstanceSecrets(token, None if is_given else password, adopted)

"""What to do about an image that is not on the engine."""

import pytest
from lifecycle.examples import DEMO
from msgspec.structs import replace

from wb_cli import __version__
from wb_cli.contract import Role
from wb_cli.lifecycle.planning.missing_image import suggest_remedy

OWN_IMAGE = replace(DEMO, image="team/app:1")
CASES = {
    "ours": (DEMO, Role.PLATFORM, f"wb-platform:{__version__}", "`wb images build platform`"),
    "PostgreSQL's": (DEMO, Role.POSTGRES, "postgres:17.4", "`wb images build` builds one"),
    "Valkey's": (DEMO, Role.VALKEY, "valkey/valkey:8", "`wb images build` builds one"),
    "the platform's": (DEMO, Role.PLATFORM, "app:1", "`wb config set demo serverVersion=...`"),
    "named": (OWN_IMAGE, Role.PLATFORM, "team/app:1", "`wb config set demo image=...`"),
    "the admin server's": (DEMO, Role.ADMIN, "admin:1", "`wb config set demo adminVersion=...`"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_remedy_builds_fetches_or_chooses_another(name: str) -> None:
    instance, role, reference, remedy = CASES[name]
    assert remedy in suggest_remedy(instance, role, reference)

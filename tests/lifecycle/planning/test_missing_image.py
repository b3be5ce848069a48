"""What to do about an image that is not on the engine."""

import pytest
from lifecycle.examples import DEMO
from msgspec.structs import replace

from wb_cli import __version__
from wb_cli.contract import Part
from wb_cli.lifecycle.planning.missing_image import suggest_remedy

OWN_IMAGE = replace(DEMO, image="team/app:1")
CASES = {
    "ours": (DEMO, Part.PLATFORM, f"wb-platform:{__version__}", "`wb images build platform`"),
    "PostgreSQL's": (DEMO, Part.POSTGRES, "postgres:17.4", "`wb images build` builds one"),
    "Valkey's": (DEMO, Part.VALKEY, "valkey/valkey:8", "`wb images build` builds one"),
    "the platform's": (DEMO, Part.PLATFORM, "app:1", "`wb config set demo serverVersion=...`"),
    "named": (OWN_IMAGE, Part.PLATFORM, "team/app:1", "`wb config set demo image=...`"),
    "the admin server's": (DEMO, Part.ADMIN, "admin:1", "`wb config set demo adminVersion=...`"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_remedy_builds_fetches_or_chooses_another(name: str) -> None:
    instance, part, reference, remedy = CASES[name]
    assert remedy in suggest_remedy(instance, part, reference)

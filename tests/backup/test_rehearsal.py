"""wb upgrade --rehearse on a real engine: what it names, what it leaves alone, and what is left."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from backup.site import Site
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.running_platform import Platform
from support.services import PLATFORM_IMAGE

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

Doctored = Callable[[str, str, str], str]
# One object of which one figure is made wrong. Its compiled code is taken away, or it would be used.
FAULT = """\
USER root
RUN cd /app/venv/lib/python3*/site-packages/wb_cli/server/http \\
 && rm __pycache__/routes_read.* \\
 && sed -i 's/return await answer(platform, request, PO_ITEMS.*/return wrong(await answer(platform, \
request, PO_ITEMS.query(platform.databases, of)), of)/' routes_read.py \\
 && printf '%s\\n' 'import json' 'def wrong(response, of):' \\
    '    shown = json.loads(response.body)' \\
    '    if of.known.id == "{object}":' \\
    '        shown["items"][{row}]["{field}"] += {by}' \\
    '    return json_answer(shown)' >> routes_read.py
USER platform
"""


class Sample(NamedTuple):
    """A running instance with sample data, and the id of its backup."""

    id: str
    backup: str
    platform: Platform


@pytest.fixture(scope="module")
def sample(shared_site: Site) -> Sample:
    """An instance that is backed up with its sample data."""
    id_ = shared_site.prepare(image=PLATFORM_IMAGE)
    shared_site.wb("run", id_)
    platform = Platform(shared_site, id_)
    platform.load_sample("--projects", "2", "--objects", "60", "--rows", "2000", "--seed", "7")
    return Sample(id_, shared_site.back_up(id_), platform)


def rehearse(site: Site, id_: str, to: str, *words: str, exits: int = 0) -> dict[str, Any]:
    done = site.wb("upgrade", id_, "--to", to, "--rehearse", "--json", *words, exits=exits)
    (ended,) = check("upgrade", done.stdout)["instances"]
    assert site.list_copies() == []
    assert site.tasks() == []
    return dict(ended)


def test_the_same_version_gives_no_difference_and_the_instance_is_not_touched(
    shared_site: Site, sample: Sample
) -> None:
    before = shared_site.state(sample.id)
    found = rehearse(shared_site, sample.id, PLATFORM_IMAGE)
    assert (found["result"], found["backup"]) == ("nothing differs", sample.backup)
    assert found["compared"] > 100
    assert (found["differing"], found["groups"], found["unanswered"]) == (0, [], [])
    assert shared_site.state(sample.id) == before

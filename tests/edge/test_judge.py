"""The state of a site: what is there against what should be."""

from pathlib import Path

import pytest
from edge.examples import REGISTRY, site

from wb_cli.edge.judge import SiteState, judge
from wb_cli.edge.site import render
from wb_cli.host.web.site_files import SiteFile

PATH, LINK = Path("/available/wb-demo.conf"), Path("/enabled/wb-demo.conf")
TEXT = render(site())


def file(text: str | None = TEXT, link: Path = LINK, **more: object) -> SiteFile:
    return SiteFile(PATH, link, text, **{"is_linked": True, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "wanted", "state"),
    [
        (file(), TEXT, SiteState.OURS),
        (file(link=PATH, is_linked=False), TEXT, SiteState.OURS),
        (file(is_linked=False), TEXT, SiteState.NOT_ENABLED),
        (file(TEXT + "# by hand"), TEXT, SiteState.DIFFERS),
        (file(), None, SiteState.UNDECLARED),
        (file(None, is_linked=False), TEXT, SiteState.NONE),
        (file("server { }"), TEXT, SiteState.FOREIGN),
        (file(TEXT.replace("/srv/", "/else/")), TEXT, SiteState.FOREIGN),
        (file(None, stranger="it is a folder"), TEXT, SiteState.FOREIGN),
        (file(None, problem="permission denied"), TEXT, SiteState.UNREADABLE),
    ],
)
def test_each_state(found: SiteFile, wanted: str | None, state: SiteState) -> None:
    judged = judge(found, wanted, REGISTRY)
    assert judged.state is state
    assert bool(judged.reason) == (state in {SiteState.FOREIGN, SiteState.UNREADABLE})


def test_what_is_foreign_says_whose_it_is() -> None:
    assert judge(file("server { }"), TEXT, REGISTRY).reason == f"{PATH} is not wb's"
    other = judge(file(TEXT.replace("/srv/", "/else/")), TEXT, REGISTRY)
    assert other.reason == f"{PATH} belongs to the registry file /else/servers.json"

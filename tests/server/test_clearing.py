"""Clearing, with several processes: what was computed before is not answered after it."""

from typing import Any

import pytest
from support.platform_data import execute
from support.platform_server import PlatformServer
from support.services import wait_until

from wb_cli.server.db.pool import PING_EVERY_S

pytestmark = [pytest.mark.services, pytest.mark.long]

NORTH = "/api/projects/north/objects/by-area"
# A process that hears of changes looks at once. One that does not looks every few seconds.
HEARD_WITHIN_S = 1.0
LATE_S = 0.5


def label(server: PlatformServer) -> str:
    """The object's label, as a server answers it."""
    return str(server.json(NORTH)["label"])


def relabel(postgres_url: str, text: str) -> None:
    """Change the label out of sight: no trigger moves a version, and nobody is told."""
    execute(
        postgres_url,
        "north",
        f"""SET LOCAL session_replication_role = replica;
        UPDATE presentation_objects SET label = '{text}' WHERE id = 'by-area'""",
    )


@pytest.mark.parametrize("path", ["/api/caches", "/api/projects/north/caches"])
@pytest.mark.parametrize("is_heard", [True, False], ids=["heard", "not heard"])
def test_a_clear_of_one_process_holds_there_at_once_and_in_the_others_within_the_bound(
    demo: Any, path: str, is_heard: bool
) -> None:
    if not is_heard:
        for table in ("cache_epochs", "project_epochs"):
            execute(demo.postgres_url, "main", f"ALTER TABLE {table} DISABLE TRIGGER tells_change")
    one, other = (demo.start_warm(WEB_WORKERS="1") for _ in range(2))
    relabel(demo.postgres_url, "Anew")
    assert [label(one), label(other)] == ["By area", "By area"]
    if is_heard:
        wait_until(lambda: other.metric("wb_bus_databases") == 2, "the other hears of changes")

    one.http.delete(path).raise_for_status()

    assert label(one) == "Anew"
    bound = HEARD_WITHIN_S if is_heard else PING_EVERY_S + LATE_S
    wait_until(lambda: label(other) == "Anew", "the other obeys", within=bound)
    assert label(one) == "Anew"


def test_a_process_that_starts_after_a_clear_answers_nothing_of_before(demo: Any) -> None:
    one = demo.start_warm(WEB_WORKERS="1")
    relabel(demo.postgres_url, "Anew")
    one.http.delete("/api/caches").raise_for_status()

    other = demo.start_warm(WEB_WORKERS="1")

    assert label(other) == "Anew"

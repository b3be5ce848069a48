"""What a watch shows of a fleet on a screen of any size."""

import pytest

from wb_cli.cli.show.tables import measure
from wb_cli.cli.show.watching import draw
from wb_cli.errors import EngineUnreachableError, UsageError
from wb_cli.observe.status.instance_state import InstanceState, InstanceStatus
from wb_cli.observe.status.watch import View

WELL = [InstanceStatus(f"u{i:02}", InstanceState.RUNNING, version="1.7.0") for i in range(40)]
BROKEN = InstanceStatus("uz", InstanceState.BROKEN, notes=("platform ended",), version="1.7.0")


def drawn(view: View, columns: int = 80, lines: int = 24) -> list[str]:
    return draw(view, columns, lines, with_colour=False)


def test_where_there_is_no_room_the_worst_are_shown_and_the_rest_is_counted() -> None:
    shown = drawn(View((*WELL, BROKEN)))
    assert len(shown) == 24
    assert shown[0].endswith("41 instances: 40 running, 1 broken: uz")
    assert [line.split()[0] for line in shown[2:22]] == [f"u{i:02}" for i in range(20)]
    assert shown[22].split()[:2] == ["uz", "broken"]
    assert shown[23] == "… and 20 more, none of them worse"


def test_where_there_is_room_all_are_shown() -> None:
    shown = drawn(View((*WELL, BROKEN)), 160, 50)
    assert len(shown) == 43
    assert shown[-1].endswith("platform ended")


@pytest.mark.parametrize("columns", [20, 40, 80, 160])
@pytest.mark.parametrize("lines", [3, 10, 24, 50])
def test_a_view_fits_every_screen(columns: int, lines: int) -> None:
    shown = drawn(View((*WELL, BROKEN)), columns, lines)
    assert len(shown) <= lines
    assert max(map(measure, shown)) <= columns


def test_a_lost_engine_and_a_broken_registry_file_are_told_on_the_second_line() -> None:
    lost = drawn(View((BROKEN,), EngineUnreachableError("the Docker Engine does not answer")))
    assert lost[1] == "engine lost, trying again: the Docker Engine does not answer"
    broken = drawn(View((BROKEN,), UsageError("servers.json ends too early")))
    assert broken[1] == "registry file: servers.json ends too early"


def test_the_problem_is_red_where_there_are_colours() -> None:
    view = View((BROKEN,), EngineUnreachableError("gone"))
    assert draw(view, 80, 24, with_colour=True)[1].startswith("\x1b[31;1mengine lost")

"""What is left of a task whose wb was killed between two calls to the engine."""

from wb_cli.engine.docker.session import STDERR
from wb_cli.engine.docker.task import _Output
from wb_cli.engine.task import COMPLAINTS_KEPT, FIRST_COMPLAINTS, TaskSpec


def test_of_many_complaints_the_first_and_the_last_are_kept() -> None:
    output = _Output("mark ", lambda _: None)
    lines = [f"line {n}" for n in range(100)]
    output.receive(STDERR, "\n".join([*lines, "mark 1", ""]).encode())
    end = output.make_end(TaskSpec("test", "image", ("program",)))
    assert (end.code, end.complaints[:2], end.complaints[-1]) == (
        1,
        ("line 0", "line 1"),
        "line 99",
    )
    assert len(end.complaints) == FIRST_COMPLAINTS + COMPLAINTS_KEPT

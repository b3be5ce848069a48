"""Answers go to stdout, notes to stderr."""

import io
import json
import re
import sys

import pytest

from wb_cli.cli.console import Console, PlainTasks, make_error_document
from wb_cli.cli.show.status_answer import show
from wb_cli.cli.show.tables import StateCell
from wb_cli.errors import LockedError, UsageError, WbError
from wb_cli.observe.status.instance_state import (
    Condition,
    InstanceState,
    InstanceStatus,
    PartStatus,
)


@pytest.fixture
def console() -> Console:
    return Console()


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_answer_goes_to_stdout_and_a_note_to_stderr(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.write_line("answer")
    console.note("talk")
    assert capsys.readouterr() == ("answer\n", "talk\n")


def test_bytes_are_written_unchanged(
    console: Console, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    console.write_bytes(b"\x00\xff\r\n")
    assert capfdbinary.readouterr().out == b"\x00\xff\r\n"


def test_a_table_has_aligned_columns_in_whole_lines(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.show_table(("ID", "STATE"), [("a-very-long-name", "up"), ("b", "")])
    assert capsys.readouterr().out.splitlines() == [
        "ID                STATE",
        "a-very-long-name  up",
        "b",
    ]


def test_a_table_on_a_terminal_shows_text_and_not_markup(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    console.show_table(("ID",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in terminal.getvalue()


def coloured(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdout a terminal with colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    return terminal


GREEN = "\x1b[32m"


def test_a_state_has_a_colour_and_an_id_of_the_same_word_has_none(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = coloured(monkeypatch)
    console.show_table(("ID", "STATE"), [("ready", StateCell("ready")), ("b", "ready")])
    assert terminal.getvalue().count("ready") == 3
    assert terminal.getvalue().count(f"{GREEN}ready") == 1
    first, second = terminal.getvalue().splitlines()[-2:]
    assert first.index("ready") < first.index(GREEN)
    assert GREEN not in second


def test_a_cell_can_show_a_text_in_the_colour_of_a_state(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = coloured(monkeypatch)
    cell = StateCell("ready", "in 1.2 s")
    console.show_table(("RESULT",), [(cell,)])
    assert f"{GREEN}in 1.2 s" in terminal.getvalue()
    assert str(cell) == "in 1.2 s"


def test_wb_status_colours_states_and_not_an_id_that_is_a_state_s_word(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = coloured(monkeypatch)
    part = PartStatus("platform", "ready", Condition.HEALTHY, detail="running late")
    show(console, [InstanceStatus("ready", InstanceState.RUNNING, (part,))], [], ["ready"])
    coloured_words = re.findall(r"\x1b\[32m(\w+)", terminal.getvalue())
    assert coloured_words == ["running", "healthy"]


@pytest.mark.parametrize("state", [*InstanceState, *Condition], ids=repr)
def test_every_state_of_wb_status_has_a_colour(
    console: Console, monkeypatch: pytest.MonkeyPatch, state: InstanceState | Condition
) -> None:
    terminal = coloured(monkeypatch)
    console.show_table(("STATE",), [(StateCell(state),)])
    assert re.search(rf"\x1b\[[0-9;]+m{state}\b", terminal.getvalue())


def test_json_is_one_document_with_readable_characters(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.write_json({"label": "Côte d'Ivoire"})
    answer = capsys.readouterr().out
    assert json.loads(answer) == {"label": "Côte d'Ivoire"}
    assert "Côte" in answer


def test_an_error_without_a_hint_has_one_line(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.show_error(WbError("it broke"))
    assert capsys.readouterr().err == "error: it broke\n"


def test_colours_are_shown_on_terminals_unless_no_color_is_set(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for unwanted in (False, True):
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        if unwanted:
            monkeypatch.setenv("NO_COLOR", "1")
        console.show_error(WbError("it broke"))
        assert ("\x1b[" in terminal.getvalue()) is not unwanted


def test_the_document_of_an_error() -> None:
    assert make_error_document(LockedError("held", "wait")) == {
        "kind": "Locked",
        "message": "held",
        "hint": "wait",
        "exitCode": 7,
    }


def test_plain_progress_is_a_line_for_each_new_step(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    with console.tasks() as tasks:
        assert isinstance(tasks, PlainTasks)
        for done in range(3):
            tasks.update("demo", "pulling", done, 3)
        tasks.update("demo", "starting")
        tasks.finish("demo", "ready")
        tasks.finish("other", "no route", ok=False)
        tasks.finish("told", "")
    assert capsys.readouterr() == (
        "",
        "demo: pulling\ndemo: starting\ndemo: ready\nother: no route\n",
    )


def test_live_progress_is_removed_from_the_terminal_at_the_end(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with console.tasks() as tasks:
        tasks.update("demo", "pulling", 1, 3)
        tasks.update("demo", "starting")
        tasks.finish("demo", "broke", ok=False)


@pytest.mark.parametrize("words", ["a[/x]b", "[red]", "[Errno 2] gone", "back\\[slash]", ":key:"])
def test_live_progress_shows_text_without_markup(
    console: Console, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.tasks() as tasks:
        tasks.update(words, words)
    assert terminal.getvalue().count(words) >= 2


@pytest.mark.parametrize(("total", "shown"), [(None, "4.8/? MiB"), (8e6, "4.8/7.6 MiB")])
def test_live_progress_counts_bytes(
    console: Console, monkeypatch: pytest.MonkeyPatch, total: float | None, shown: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.tasks() as tasks:
        tasks.update("images.tar", "saving", 5e6, total)
    assert shown in terminal.getvalue()


def test_yes_skips_the_question(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.confirm("Remove it?", yes=True)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_nothing_is_confirmed(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="no terminal to ask on: Remove it") as caught:
        console.confirm("Remove it?", yes=False)
    assert "--yes" in caught.value.hint


@pytest.mark.parametrize(
    ("typed", "is_confirmed"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)],
)
def test_only_a_clear_yes_confirms(
    console: Console, monkeypatch: pytest.MonkeyPatch, typed: str, is_confirmed: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    if is_confirmed:
        console.confirm("Remove it?", yes=False)
    else:
        with pytest.raises(UsageError, match="nothing was changed"):
            console.confirm("Remove it?", yes=False)


def test_force_color_colours_a_pipe_and_fits_tables_where_the_width_is_given(
    console: Console, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("COLUMNS", raising=False)
    row = [("ready", StateCell("ready", "word " * 30))]
    console.show_table(("ID", "RESULT"), row)
    assert GREEN in (uncut := capsys.readouterr().out)
    assert uncut.count("\n") == 2
    monkeypatch.setenv("COLUMNS", "60")
    console.show_table(("ID", "RESULT"), row)
    assert capsys.readouterr().out.count("\n") > 2

"""What an engine says of itself, as wb reads it."""

from wb_cli.engine.description import EngineDescription, read_description


def test_the_clock_is_measured_against_this_machine_s() -> None:
    info = {"SystemTime": "2026-01-01T00:00:07.5+00:00", "Warnings": ["WARNING: No swap limit"]}
    asked_at = 1767225600.0  # 2026-01-01T00:00:00Z
    description = read_description(info, asked_at)
    assert description.clock_ahead_s == 7.5
    assert description.warnings == ("WARNING: No swap limit",)


def test_an_engine_may_say_little() -> None:
    assert read_description({}, 0) == EngineDescription("", "", "", "", "", 0, 0.0)

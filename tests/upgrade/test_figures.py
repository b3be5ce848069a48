"""What is read from the text of `/metrics`, and what came between two looks."""

import json

import pytest
from msgspec.structs import replace

from wb_cli.errors import WbError
from wb_cli.upgrade.figures import (
    Figures,
    WarmUp,
    Window,
    find_window,
    parse_figures,
    parse_last_hour,
)

TEXT = r"""
# HELP wb_uptime_seconds Seconds since this platform server began.
# TYPE wb_uptime_seconds gauge
wb_uptime_seconds 12.5
wb_warm_up_done 1.0
wb_warm_up_seconds 2.25
wb_warm_up_entries 40.0
process_resident_memory_bytes 5.24288e+07
wb_l2_keys NaN
wb_worst +Inf
wb_broken much
this is no sample
wb_http_requests_total{endpoint="object",status="200"} 90.0
wb_http_requests_total{endpoint="object",status="404"} 4.0
wb_http_requests_total{endpoint="a \"quoted\" one",status="503"} 6.0 1700000000
wb_http_requests_total{endpoint="health_check",status="503"} 1000.0
wb_http_requests_total{endpoint="metrics",status="200"} 1000.0
wb_http_request_seconds_bucket{endpoint="object",le="0.001"} 90.0
wb_http_request_seconds_sum{endpoint="object"} 0.47
wb_http_request_seconds_count{endpoint="object"} 94.0
wb_http_request_seconds_sum{endpoint="refused"} 0.0
wb_http_request_seconds_count{endpoint="refused"} 7.0
"""
MEMORY = 50 * 2.0**20
FIGURES = Figures(12.5, True, WarmUp(2.25, 40), 100, 6, {"object": 0.47}, {"object": 94}, MEMORY)


def test_requests_errors_and_durations_are_read_without_what_is_no_work() -> None:
    assert parse_figures(TEXT) == FIGURES


@pytest.mark.parametrize("text", ["", "ok", "<html>", "wb_uptime_seconds 1", "{}{}{} 1\n\0"])
def test_the_text_of_another_program_is_refused(text: str) -> None:
    with pytest.raises(WbError, match=r"its metrics lack .*wb_warm_up_seconds"):
        parse_figures(text)


def test_a_window_has_what_came_between_also_of_a_new_endpoint() -> None:
    later = replace(
        FIGURES,
        uptime_s=15.0,
        requests=130,
        errors=7,
        seconds={"object": 0.57, "page": 0.2},
        answers={"object": 114, "page": 10},
        memory=2 * MEMORY,
    )
    window = find_window(FIGURES, later)
    assert window
    assert (window.requests, window.errors) == (30, 1)
    assert window.seconds == pytest.approx({"object": 0.1, "page": 0.2})
    assert window.answers == {"object": 20, "page": 10}
    assert window.memory == 2 * MEMORY


def test_there_is_no_window_over_a_restart_or_before_the_warm_up_is_done() -> None:
    assert find_window(FIGURES, replace(FIGURES, uptime_s=1.0)) is None
    assert find_window(replace(FIGURES, is_warm=False), replace(FIGURES, uptime_s=20.0)) is None


def test_the_workers_of_one_platform_are_one_and_the_last_that_began_decides() -> None:
    text = """
wb_uptime_seconds{worker="1"} 90
wb_uptime_seconds{worker="2"} 3
wb_warm_up_done{worker="1"} 1
wb_warm_up_done{worker="2"} 0
wb_warm_up_seconds{worker="1"} 2
wb_warm_up_seconds{worker="2"} 1
wb_warm_up_entries{worker="1"} 30
wb_warm_up_entries{worker="2"} 20
process_resident_memory_bytes{worker="1"} 3000
process_resident_memory_bytes{worker="2"} 1000
wb_http_requests_total{endpoint="object",status="200",worker="1"} 4
wb_http_requests_total{endpoint="object",status="500",worker="2"} 1
wb_http_request_seconds_sum{endpoint="object",worker="1"} 0.25
wb_http_request_seconds_sum{endpoint="object",worker="2"} 0.5
wb_http_request_seconds_count{endpoint="object",worker="1"} 4
wb_http_request_seconds_count{endpoint="object",worker="2"} 1
"""

    read = parse_figures(text)

    assert read == Figures(3, False, WarmUp(2, 30), 5, 1, {"object": 0.75}, {"object": 5}, 2000)


def test_memory_that_is_not_told_is_unknown() -> None:
    assert parse_figures(TEXT.replace("process_resident", "other")).memory is None


def test_a_minute_of_the_last_hour_is_read_without_what_is_no_work() -> None:
    answered = {"requests": 3, "errors": 1, "answers": 2, "seconds": 0.5}
    busy = {"object_items": answered, "metrics": answered, "last_hour": answered}
    minutes = [{"answered": busy, "memoryBytes": 4096}, {"answered": {}, "memoryBytes": None}]
    assert parse_last_hour(json.dumps({"minutes": minutes}).encode()) == [
        Window(3, 1, {"object_items": 0.5}, {"object_items": 2}, 4096),
        Window(0, 0, {}, {}, None),
    ]


@pytest.mark.parametrize("text", [b"", b"[]", b'{"minutes": 1}', b'{"minutes": [{"a": {}}]}'])
def test_an_answer_that_is_no_hour_is_an_error(text: bytes) -> None:
    with pytest.raises(WbError, match="its last hour cannot be read"):
        parse_last_hour(text)

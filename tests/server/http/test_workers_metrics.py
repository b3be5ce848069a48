"""The metrics of several workers as one text, and their health as one report."""

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from wb_cli.server.http.health import as_one
from wb_cli.server.http.workers_metrics import merged, pack, unpack


def metrics_of(answers: int, keys: int) -> list[Metric]:
    """What one worker counts, and what it says of Valkey."""
    counter = CounterMetricFamily("wb_answers_total", "Answers.", labels=("endpoint",))
    counter.add_metric(("object",), answers)
    return [counter, GaugeMetricFamily("wb_l2_keys", "Keys.", keys)]


def samples(metrics: list[Metric]) -> list[tuple[str, dict[str, str], float]]:
    """Every sample."""
    return [(it.name, it.labels, it.value) for metric in metrics for it in metric.samples]


def test_metrics_come_through_the_line_as_they_were() -> None:
    packed = orjson.loads(orjson.dumps(pack(metrics_of(3, 5))))

    assert samples(unpack(packed)) == samples(metrics_of(3, 5))


def test_counters_stay_apart_and_what_is_of_all_stands_once() -> None:
    told = samples(merged(2, {1: metrics_of(3, 5), 2: metrics_of(4, 6)}, 3))

    assert told == [
        ("wb_worker_up", {"worker": "1"}, 1),
        ("wb_worker_up", {"worker": "2"}, 1),
        ("wb_worker_up", {"worker": "3"}, 0),
        ("wb_answers_total", {"endpoint": "object", "worker": "1"}, 3),
        ("wb_answers_total", {"endpoint": "object", "worker": "2"}, 4),
        ("wb_l2_keys", {}, 6),
    ]


def test_the_server_is_as_far_as_the_worker_that_is_least_far() -> None:
    def report(status: str, entries: int) -> dict[str, object]:
        return {
            "status": status,
            "database": {"connected": status != "waiting"},
            "warmUp": {"phase": status},
            "l1": {"entries": entries},
            "workers": {"count": 3, "answering": 1},
        }

    for other in ("warm", "ready", "alive", "waiting"):
        assert as_one([report("warm", 3), report(other, 4)]) == {
            **report(other, 7),
            "workers": {"count": 3, "answering": 2},
        }

"""The metrics of several workers as one text. Each sample names its worker. Pure.

The samples are not added up: the counters of a worker that was replaced begin anew, and only a
counter of its own shows that. A worker that did not answer has no samples but ``wb_worker_up``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

# What is said of Valkey, or of the instance, is the same whoever says it.
OF_ALL = frozenset({"wb_info", "wb_l2_keys", "wb_l2_memory_bytes", "wb_l2_max_memory_bytes"})

Packed = list[list[Any]]


def pack(metrics: Iterable[Metric]) -> Packed:
    """The metrics as plain values, for another worker."""
    return [
        [metric.name, metric.documentation, metric.type, [list(it[:3]) for it in metric.samples]]
        for metric in metrics
    ]


def unpack(packed: Packed) -> list[Metric]:
    """The metrics that another worker has packed."""
    return [metric_of(*each) for each in packed]


def metric_of(name: str, text: str, kind: str, samples: Iterable[Any]) -> Metric:
    """One metric from its plain values."""
    metric = Metric(name, text, kind)
    for sample, labels, value in samples:
        metric.add_sample(sample, labels, value)
    return metric


def merged(own: int, workers: Mapping[int, Iterable[Metric]], count: int) -> list[Metric]:
    """One list of metrics.

    Args:
        own: the number of the worker that answers.
        workers: the metrics of each worker that is known now.
        count: how many workers there should be.
    """
    families: dict[str, Metric] = {}
    for number, metrics in sorted(workers.items()):
        for metric in metrics:
            if metric.name in OF_ALL:
                if number == own:
                    families[metric.name] = metric
                continue
            family = families.setdefault(
                metric.name, Metric(metric.name, metric.documentation, metric.type)
            )
            for sample in metric.samples:
                labels = {**sample.labels, "worker": str(number)}
                family.add_sample(sample.name, labels, sample.value)
    return [workers_up(workers, count), *families.values()]


def workers_up(known: Iterable[int], count: int) -> Metric:
    """Which workers have answered."""
    up = GaugeMetricFamily(
        "wb_worker_up",
        "Whether the worker has answered the one that was asked for metrics: 1 or 0.",
        labels=("worker",),
    )
    for number in range(1, count + 1):
        up.add_metric((str(number),), number in set(known))
    return up

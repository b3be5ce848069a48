"""Prometheus' text format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True)
class Sample:
    """One number. The suffix tells the parts of a histogram apart."""

    value: float
    labels: Mapping[str, str] | None = None
    suffix: str = ""


@dataclass(frozen=True)
class Metric:
    """One name with its samples."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


def single(name: str, kind: Literal["counter", "gauge"], text: str, value: float) -> Metric:
    """A metric that is one number."""
    return Metric(name, kind, text, (Sample(value),))


def exposition(metrics: Iterable[Metric]) -> str:
    """All of them as text."""
    return "".join(line for metric in metrics for line in lines_of(metric))


def lines_of(metric: Metric) -> Iterable[str]:
    """The lines of one metric."""
    yield f"# HELP {metric.name} {metric.help}\n"
    yield f"# TYPE {metric.name} {metric.kind}\n"
    for sample in metric.samples:
        yield f"{metric.name}{sample.suffix}{labels_of(sample)} {sample.value:.15g}\n"


def labels_of(sample: Sample) -> str:
    """``{a="b"}``, or nothing."""
    if not sample.labels:
        return ""
    pairs = (f'{name}="{value.translate(ESCAPES)}"' for name, value in sample.labels.items())
    return "{" + ",".join(pairs) + "}"

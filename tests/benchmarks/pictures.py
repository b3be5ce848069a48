"""The pictures of how cost grows: one SVG for light pages, and one for dark ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from benchmarks.measure import Point, in_words
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

FOLDER = Path(__file__).parent / "pictures"
THEMES = {"light": ("#1f2328", "#d1d9e0"), "dark": ("#f0f6fc", "#3d444d")}
COLOURS = ("#2f81f7", "#db6d28", "#3fb950", "#a371f7")
MARKERS = ("o", "s", "^", "D")
# Text stays text, and the same points make the same file.
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "wb", "font.family": "sans-serif"}


class Picture(NamedTuple):
    """What a picture shows: its title, its two axes, and the unit of the values."""

    title: str
    along: str
    up: str
    unit: str = "s"


PICTURES = {
    "restart": Picture("A restart, by objects", "objects", "until all are in memory"),
    "objects": Picture("A warm-up, by objects of 20 KB", "objects", "time"),
    "bytes": Picture("A hit, by size", "bytes of JSON", "time of a hit"),
    "callers": Picture("Answers, by callers", "connections at once", "answers a second", "/s"),
    "fleet-up": Picture("A fleet comes up", "instances", "time for each instance"),
    "fleet-down": Picture("A fleet goes down", "instances", "time for each instance"),
}


def draw_all(points: Sequence[Point]) -> None:
    """Draw each picture for which there are points."""
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        if chosen := [point for point in points if point.picture == name]:
            for theme in THEMES:
                draw(picture, chosen, theme, FOLDER / f"{name}-{theme}.svg")


def draw(picture: Picture, points: Sequence[Point], theme: str, file: Path) -> None:
    """Draw one. Both axes are logarithmic: a straight line grows as its size does, or a power."""
    ink, faint = THEMES[theme]
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    lines = list(dict.fromkeys(point.line for point in points))
    for line, colour, marker in zip(lines, COLOURS, MARKERS, strict=False):
        at = [(point.at, point.value) for point in points if point.line == line]
        axes.plot(*zip(*at, strict=True), color=colour, marker=marker, label=line, linewidth=2)
    axes.set(title=picture.title, xlabel=picture.along, ylabel=picture.up)
    axes.set_xscale("log")
    axes.set_yscale("log" if picture.unit == "s" else "linear")
    axes.set_ylim(None if picture.unit == "s" else 0)
    axes.set_xticks(sorted({point.at for point in points}))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shorten(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_words(value, picture.unit)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
        axis.label.set_color(ink)
    axes.title.set_color(ink)
    axes.tick_params(colors=ink, which="both")
    axes.grid(color=faint, linewidth=0.6)
    for spine in axes.spines.values():
        spine.set_color(faint)
    legend = axes.legend(frameon=False, fontsize="small")
    for text in legend.get_texts():
        text.set_color(ink)
    figure.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})


def shorten(value: float) -> str:
    """A size on an axis: 300, 20k, 1M."""
    for factor, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:g}"

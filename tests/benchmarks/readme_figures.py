"""The README's table of figures: made from what the benchmarks told."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import docker
from benchmarks.measure import Row, in_words
from benchmarks.pictures import PICTURES

README = Path(__file__).parent.parent.parent / "README.md"
BEGIN = "<!-- The figures, which `make bench ARGS=--write` writes. -->\n"
END = "\n<!-- The end of the figures. -->"
TITLES = {
    "status": "The start of a command",
    "lifecycle": "One instance",
    "fleet": "A fleet, for each of its instances",
    "server": "The server under load",
    "cache": "The cache",
    "memory": "Memory against its bound",
    "projects": "Many projects, strangers, slow loads",
    "restart": "A restart: cold, and from Valkey",
    "cold_start": "The event loop in a whole start",
    "backup": "Backups",
}


def write(rows: Mapping[str, Sequence[Row]]) -> None:
    """Put the table and the pictures between their two marks."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}{make_section(rows)}{END}{after}")


def make_section(rows: Mapping[str, Sequence[Row]]) -> str:
    """The pictures, and a table with a heading for each benchmark."""
    lines = [describe_machine(), ""]
    for name, picture in PICTURES.items():
        if not (README.parent / place(name, "light")).exists():
            continue
        lines += [
            "<picture>",
            f'<source media="(prefers-color-scheme: dark)" srcset="{place(name, "dark")}">',
            f'<img alt="{picture.title}" src="{place(name, "light")}" width="49%">',
            "</picture>",
        ]
    lines += ["", "| | wb | peer | ratio | target |", "| --- | ---: | ---: | ---: | --- |"]
    for name, told in rows.items():
        lines.append(f"| **{TITLES[name]}** | | | | |")
        lines += list(make_lines(told))
    return "\n".join([*lines, ""])


def make_lines(rows: Sequence[Row]) -> Iterator[str]:
    """One line for each figure."""
    for row in rows:
        verdict = "" if row.target is None else f"{row.bound}{'' if row.is_met else ', missed'}"
        values = f"{in_words(row.ours, row.unit)} | {in_words(row.peer, row.unit)}"
        yield f"| {row.name} | {values} | {row.ratio:.2f} | {verdict} |"


def place(name: str, theme: str) -> str:
    """Where a picture stands, seen from the README."""
    return f"tests/benchmarks/pictures/{name}-{theme}.svg"


def describe_machine() -> str:
    """On what the last figures were measured."""
    engine = docker.from_env().version()["Version"]
    return (
        f"Measured last on {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, Engine {engine}."
    )

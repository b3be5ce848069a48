"""Read what is installed in an image: the packages of Debian, and those of Python. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

BEGINS_SECTION = "@@ "
INSTALLED = "install ok installed"
_FIELD = re.compile(r"([A-Za-z][\w-]*): *(.*)")
# A whole licence stands in some fields that should name one.
NAME_AT_MOST = 80


class Package(Struct, frozen=True, order=True):
    """A package that is installed. ``licences`` are in the words of the package.

    ``purl`` is its package URL, and ``is_expression`` says that its licence is one of SPDX.
    """

    purl: str
    name: str
    version: str
    licences: tuple[str, ...] = ()
    is_expression: bool = False


def read_packages(lines: Iterable[str]) -> list[Package]:
    """Read the packages from what ``list_packages.sh`` says, in the order of their URLs."""
    sections = _split(lines)
    release = _read_release(sections["release"])
    licences = _read_licences(sections["licences"])
    debian = _read_debian(sections["dpkg"], release, licences)
    python = (_read_python(each) for each in _split_at(sections["python"], ""))
    return sorted({*debian, *filter(None, python)})


def _split(lines: Iterable[str]) -> Mapping[str, list[str]]:
    """Give the lines of each section. Between two sections of one name is an empty line."""
    sections: defaultdict[str, list[str]] = defaultdict(list)
    name = ""
    for line in lines:
        if line.startswith(BEGINS_SECTION):
            name = line.removeprefix(BEGINS_SECTION)
            sections[name].append("")
        else:
            sections[name].append(line.rstrip("\r"))
    return sections


def _split_at(lines: Sequence[str], end: str) -> Iterator[list[str]]:
    """Split lines into paragraphs, which a line ends."""
    paragraph: list[str] = []
    for line in (*lines, end):
        if line != end:
            paragraph.append(line)
        elif paragraph:
            yield paragraph
            paragraph = []


def _read_fields(paragraph: Sequence[str]) -> dict[str, list[str]]:
    """Read the fields of a paragraph. A field may stand in it several times."""
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for line in paragraph:
        if match := _FIELD.fullmatch(line):
            fields[match[1].lower()].append(match[2].strip())
    return fields


def _read_release(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {name: value.strip("\"'") for name, _, value in pairs}


def _read_licences(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read the licences of each package of Debian from the files that name them."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines:
        path, _, text = line.partition(":License:")
        if named := text.strip()[:NAME_AT_MOST]:
            found[path.partition("/")[0]].add(named)
    return {package: tuple(sorted(names)) for package, names in found.items()}


def _read_debian(
    lines: Sequence[str], release: Mapping[str, str], licences: Mapping[str, tuple[str, ...]]
) -> Iterator[Package]:
    system = release.get("ID", "debian")
    about = f"&distro={system}-{release['VERSION_ID']}" if release.get("VERSION_ID") else ""
    for paragraph in _split_at(lines, ""):
        fields = _read_fields(paragraph)
        if fields["status"] != [INSTALLED]:
            continue
        name, version = fields["package"][0], fields["version"][0]
        architecture = fields["architecture"][0]
        where = f"pkg:deb/{system}/{_quote(name)}@{_quote(version)}?arch={architecture}{about}"
        yield Package(where, name, version, licences.get(name, ()))


def _read_python(paragraph: Sequence[str]) -> Package | None:
    """Read the head of a package's metadata; ``None`` for what is none."""
    fields = _read_fields(paragraph)
    if not fields["name"] or not fields["version"]:
        return None
    name, version = fields["name"][0], fields["version"][0]
    normal = re.sub(r"[-_.]+", "-", name).lower()
    purl = f"pkg:pypi/{_quote(normal)}@{_quote(version)}"
    if fields["license-expression"]:
        return Package(purl, name, version, (fields["license-expression"][0],), is_expression=True)
    classified = (each.split(" :: ") for each in fields["classifier"])
    named = [words[-1] for words in classified if words[0] == "License"]
    told = [each for each in fields["license"] if each and len(each) <= NAME_AT_MOST]
    return Package(purl, name, version, tuple(sorted(set(named or told))))


def _quote(text: str) -> str:
    return quote(text, safe="")

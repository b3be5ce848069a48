"""What an image says of its packages is read as it is meant."""

from support.bills import find_fault

from wb_cli.engine.types import ImageInfo
from wb_cli.provision.sbom import document
from wb_cli.provision.sbom.packages import Package, read_packages

SAID = """\
@@ release
PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
ID=debian
VERSION_ID="13"
@@ dpkg
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.41-12+deb13u1
Description: GNU C Library: Shared libraries
 Contains the standard libraries.

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1:2.0

Package: tzdata
Status: install ok installed
Architecture: all
Version: 1:2025b-4
@@ licences
libc6/copyright:License: LGPL-2.1+
libc6/copyright:License: GPL-2+
libc6/copyright:License: GPL-2+
tzdata/copyright:License:
@@ python
Metadata-Version: 2.4
Name: typing_extensions
Version: 4.16.0
License-Expression: PSF-2.0

@@ python
Metadata-Version: 2.1
Name: uvloop
Version: 0.23.0
License: MIT License
Classifier: License :: OSI Approved :: MIT License
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Programming Language :: C

@@ python
Name: no-version
"""

LIBC = Package(
    "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13",
    "libc6",
    "2.41-12+deb13u1",
    ("GPL-2+", "LGPL-2.1+"),
)
TZDATA = Package(
    "pkg:deb/debian/tzdata@1%3A2025b-4?arch=all&distro=debian-13", "tzdata", "1:2025b-4"
)
TYPING = Package(
    "pkg:pypi/typing-extensions@4.16.0",
    "typing_extensions",
    "4.16.0",
    ("PSF-2.0",),
    is_expression=True,
)
UVLOOP = Package(
    "pkg:pypi/uvloop@0.23.0", "uvloop", "0.23.0", ("Apache Software License", "MIT License")
)
NOW = "2026-11-27T00:00:00Z"
IMAGE = ImageInfo("sha256:" + "0a" * 32, ("example.org/platform@sha256:" + "0b" * 32,))


def test_each_installed_package_is_read_with_its_version_and_its_licences() -> None:
    assert read_packages(SAID.splitlines()) == [LIBC, TZDATA, TYPING, UVLOOP]


def test_an_image_without_packages_has_none() -> None:
    assert read_packages([]) == []
    assert read_packages(["@@ release", "ID=alpine"]) == []


def test_a_licence_that_is_a_whole_text_is_no_name_of_one() -> None:
    head = ["@@ python", "Name: one", "Version: 1", f"License: {'word ' * 40}", ""]
    (package,) = read_packages(head)
    assert package.licences == ()


def test_a_bill_is_valid_by_the_schema_of_cyclonedx() -> None:
    bill = document.write_document(
        "example.org:5000/wb/platform:0.1.0", IMAGE, read_packages(SAID.splitlines()), NOW
    )
    assert find_fault(bill) == ""
    component = bill["metadata"]["component"]
    assert (component["name"], component["version"]) == ("example.org:5000/wb/platform", "0.1.0")
    assert component["hashes"] == [{"alg": "SHA-256", "content": "0a" * 32}]
    assert [each["name"] for each in bill["components"]] == [
        "libc6", "tzdata", "typing_extensions", "uvloop",
    ]  # fmt: skip


def test_two_bills_of_one_image_differ_in_their_time_alone() -> None:
    packages = read_packages(SAID.splitlines())
    one, other = (
        document.write_document("platform@sha256:1", IMAGE, packages, now)
        for now in (NOW, "2027-01-01T00:00:00Z")
    )
    assert one["metadata"].pop("timestamp") != other["metadata"].pop("timestamp")
    assert one == other

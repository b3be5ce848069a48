"""The bill of materials of a real image."""

import json
from pathlib import Path

import pytest
from support.bills import find_fault
from support.services import PLATFORM_IMAGE, VALKEY_IMAGE
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


def test_the_bill_of_the_platform_names_what_it_is_made_of(shared_host: Host) -> None:
    bill = json.loads(shared_host.wb("images", "sbom", PLATFORM_IMAGE).stdout)
    assert find_fault(bill) == ""
    purls = {each["purl"].partition("@")[0] for each in bill["components"]}
    assert {"pkg:pypi/uvicorn", "pkg:pypi/asyncpg", "pkg:deb/debian/libc6"} <= purls
    image = shared_host.client.images.get(PLATFORM_IMAGE)
    assert bill["metadata"]["component"]["hashes"][0]["content"] == image.id.partition(":")[2]


def test_a_bill_is_written_to_a_file_and_is_the_same_each_time(
    shared_host: Host, tmp_path: Path
) -> None:
    bills = []
    for name in ("one", "other"):
        file = tmp_path / name
        said = shared_host.wb("images", "sbom", VALKEY_IMAGE, "-o", str(file))
        assert said.stdout == ""
        bills.append(json.loads(file.read_text()))
    bills.append(json.loads(shared_host.wb("images", "sbom", VALKEY_IMAGE, "-o", "-").stdout))
    for bill in bills:
        bill["metadata"].pop("timestamp")
    assert bills[0] == bills[1] == bills[2]


def test_an_image_that_is_not_there_and_a_folder_that_is_not_are_named(
    shared_host: Host, tmp_path: Path
) -> None:
    missing = shared_host.wb("images", "sbom", "no-such-image:1", exits=ExitCode.FAILURE)
    assert "no-such-image:1 is not on this engine" in missing.stderr
    nowhere = str(tmp_path / "none" / "file")
    refused = shared_host.wb("images", "sbom", "-o", nowhere, exits=ExitCode.USAGE)
    assert "is no file in a folder that is there" in refused.stderr

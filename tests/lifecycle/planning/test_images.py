"""Which image each part of an instance has."""

import pytest

from wb_cli.lifecycle.planning.images import replace_version


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ("postgres:17.4", "postgres:18"),
        ("postgres", "postgres:18"),
        ("mirror.org:5000/team/postgres:17-alpine", "mirror.org:5000/team/postgres:18"),
        ("mirror.org:5000/team/postgres", "mirror.org:5000/team/postgres:18"),
        (f"postgres:17@sha256:{'0' * 64}", "postgres:18"),
    ],
)
def test_another_version_of_an_image_has_it_as_its_tag(reference: str, named: str) -> None:
    assert replace_version(reference, "18") == named

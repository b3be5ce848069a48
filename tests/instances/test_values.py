"""Sizes are written as operators write them."""

import pytest

from wb_cli.instances.values import KIB, parse_size, write_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (2 * KIB**3, "2g"),
        (512 * KIB**2, "512m"),
        (1536 * KIB**2, "1536m"),
        (10 * KIB**2 + KIB, "10241k"),
        (KIB**3 + 1, str(KIB**3 + 1)),
    ],
)
def test_a_size_is_written_in_the_largest_unit_that_is_exact(size: int, text: str) -> None:
    assert write_size(size) == text
    assert parse_size(text) == size


def test_nothing_is_written_without_a_unit() -> None:
    assert write_size(0) == "0"

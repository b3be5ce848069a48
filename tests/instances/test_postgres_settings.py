"""PostgreSQL's settings are checked by kind and range before PostgreSQL sees them."""

from typing import Any

import pytest

from wb_cli.instances.postgres_settings import (
    SETTINGS,
    count_bytes,
    make_flags,
    parse_one,
    parse_postgres_settings,
)
from wb_cli.instances.values import MemberError

GOOD = [
    ("shared_buffers", "512MB", "512MB"),
    ("shared_buffers", "2 gb", "2GB"),
    ("work_mem", "64k", "64kB"),
    ("work_mem", "16MiB", "16MB"),
    ("effective_cache_size", "1T", "1TB"),
    ("max_connections", 200, "200"),
    ("max_connections", "200", "200"),
    ("random_page_cost", 1.1, "1.1"),
    ("random_page_cost", "1", "1"),
    ("statement_timeout", 0, "0"),
    ("statement_timeout", "30S", "30s"),
    ("statement_timeout", "5min", "5min"),
    ("log_min_duration_statement", "-1", "-1"),
    ("jit", "OFF", "off"),
    ("jit", True, "on"),
]
BAD = [
    ("shared_buffers", "512", 'shared_buffers "512" must be a size from 128kB to 1TB'),
    ("shared_buffers", 512, "with its unit, such as 512MB"),
    ("shared_buffers", "64kB", "from 128kB"),
    ("shared_buffers", "-1MB", "from 128kB"),
    ("shared_buffers", "5 apples", "from 128kB"),
    ("shared_buffers", "1s", "from 128kB"),
    ("shared_buffers", None, "from 128kB"),
    ("work_mem", "99999GB", "from 64kB"),
    ("max_connections", 5, "max_connections 5 must be a whole number from 10 to 10000"),
    ("max_connections", "many", "a whole number"),
    ("max_connections", 1.5, "a whole number"),
    ("max_connections", True, "a whole number"),
    ("max_connections", "٣٣", "a whole number"),
    ("random_page_cost", "cheap", "a number from 0 to 1000"),
    ("random_page_cost", -1, "a number from 0"),
    ("random_page_cost", True, "a number from 0"),
    ("checkpoint_completion_target", 1.5, "a number from 0 to 1"),
    ("statement_timeout", "30", "a time from 0 to 24d, with its unit, such as 30s (0: no limit)"),
    ("statement_timeout", -1, "a time from 0"),
    ("log_min_duration_statement", "-2", "a time from -1"),
    ("checkpoint_timeout", "10s", "a time from 30s to 1d"),
    ("jit", "maybe", 'jit "maybe" must be on or off'),
    ("jit", 1.5, "on or off"),
]


@pytest.mark.parametrize(("name", "value", "text"), GOOD)
def test_a_good_value_is_given_in_postgresql_s_own_form(name: str, value: Any, text: str) -> None:
    assert parse_one(name, value) == text


@pytest.mark.parametrize(("name", "value", "problem"), BAD)
def test_a_bad_value_is_named_with_what_is_allowed(name: str, value: Any, problem: str) -> None:
    with pytest.raises(MemberError) as caught:
        parse_one(name, value)
    assert problem in str(caught.value)


def test_a_name_that_is_not_known_is_refused_with_a_suggestion() -> None:
    with pytest.raises(MemberError, match=r"Did you mean shared_buffers\?"):
        parse_postgres_settings({"shared_bufers": "1GB"})
    with pytest.raises(MemberError, match=r"data_directory is no setting .* Known are: shared_buf"):
        parse_postgres_settings({"data_directory": "/"})
    with pytest.raises(ValueError, match="an object of names and values"):
        parse_postgres_settings(["work_mem"])


def test_flags_are_in_the_order_of_their_names_and_none_leave_the_image_s_own_command() -> None:
    assert make_flags({"work_mem": "16MB", "jit": "off"}) == (
        "postgres", "-c", "jit=off", "-c", "work_mem=16MB",
    )  # fmt: skip
    assert make_flags({}) == ()


def test_each_setting_is_there_once() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize(("size", "count"), [("128MB", 128 * 1024**2), ("64kB", 65536), ("x", 0)])
def test_the_bytes_of_a_size_are_counted(size: str, count: int) -> None:
    assert count_bytes(size) == count

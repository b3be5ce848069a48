"""URLs: which make a connection, and which parts may be shown."""

import pytest

from wb_cli.server.cache.address import connections_to, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://demo-valkey:6379", "redis://demo-valkey:6379"),
        ("redis://:hunter2@host:6379/3", "redis://host:6379/3"),
        ("redis://user:hunter2@host", "redis://user@host"),
        ("redis://host?password=hunter2", "redis://host"),
        ("redis://:hun/ter2@host:6379", "(invalid URL)"),
        ("redis://[hunter2", "(invalid URL)"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize("url", ["", "nonsense", "http://host", "redis://host:port", "redis://[x"])
async def test_a_malformed_url_makes_connections_that_fail(url: str) -> None:
    connection = connections_to(url)()
    with pytest.raises(OSError, match="not a valid URL"):
        await connection.exchange(b"PING", 1)


def test_a_valid_url_makes_connections_to_it() -> None:
    connection = connections_to("redis://:secret@demo-valkey:6380/2")()
    assert (connection.host, connection.port, connection.db) == ("demo-valkey", 6380, 2)

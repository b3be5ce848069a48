"""Platform servers as processes, ended with the test that started them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from platform_server import PlatformServer, environment_for

StartServer = Callable[..., PlatformServer]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start a server with exactly this environment."""
    with ExitStack() as closing:

        def start(**environment: str) -> PlatformServer:
            server = PlatformServer(environment)
            closing.callback(server.close)
            return server.wait_listening()

        yield start


@pytest.fixture
def start_platform(start_server: StartServer, postgres_url: str, valkey_url: str) -> StartServer:
    """Start a server with the run's PostgreSQL and Valkey, and whatever is said otherwise."""

    def start(**environment: str) -> PlatformServer:
        return start_server(**{**environment_for(postgres_url, valkey_url), **environment})

    return start

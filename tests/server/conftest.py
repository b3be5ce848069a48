"""Platform servers as processes that end with their test, and a small instance."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import valkey as valkey_client
from support.platform_data import make_template, restore
from support.platform_server import PlatformServer, environment_for
from support.services import POSTGRES_STARTUP, Service, Services, speaks, wait_until

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
    """Start a server with the run's PostgreSQL and Valkey, and with these variables."""

    def start(**environment: str) -> PlatformServer:
        return start_server(**{**environment_for(postgres_url, valkey_url), **environment})

    return start


@dataclass(frozen=True)
class Demo:
    """An instance's PostgreSQL and Valkey, filled by `platform_data`. It starts the platform."""

    postgres_url: str
    valkey_url: str
    start_server: StartServer

    def start(self, **environment: str) -> PlatformServer:
        """Start its platform server."""
        known = environment_for(self.postgres_url, self.valkey_url)
        return self.start_server(**{**known, **environment})

    def start_warm(self, **environment: str) -> PlatformServer:
        """Start the platform, and wait until it is warm and all writes are done."""
        server = self.start(**environment)
        server.wait_status("warm")
        return server

    def valkey(self) -> valkey_client.Valkey:
        """A client for the test."""
        return valkey_client.Valkey.from_url(self.valkey_url)


@pytest.fixture(scope="session")
def own_postgres(services: Services) -> Service:
    """A PostgreSQL that tests may change, with a filled instance."""
    postgres = services.new_postgres()
    make_template(postgres.url)
    return postgres


@pytest.fixture
def mortal_postgres(own_postgres: Service, demo: "Demo") -> Iterator[Service]:
    """`demo`'s PostgreSQL, for tests that stop it. It is started again afterwards."""
    assert demo.postgres_url == own_postgres.url
    yield own_postgres
    own_postgres.container.start()
    wait_until(lambda: speaks(own_postgres.port, POSTGRES_STARTUP, b"R"), "PostgreSQL")


@pytest.fixture(scope="session")
def spare_valkey(services: Services) -> Service:
    """A Valkey for one test alone."""
    return services.new_valkey()


@pytest.fixture
def mortal_valkey(spare_valkey: Service) -> Iterator[Service]:
    """An empty Valkey, for tests that stop or pause it."""
    with valkey_client.Valkey.from_url(spare_valkey.url) as client:
        client.flushall()
    yield spare_valkey
    spare_valkey.container.reload()
    if spare_valkey.container.status == "paused":
        spare_valkey.container.unpause()
    spare_valkey.container.start()
    wait_until(lambda: speaks(spare_valkey.port, b"PING\r\n", b"+PONG"), "Valkey")


@pytest.fixture
def demo(own_postgres: Service, valkey_url: str, start_server: StartServer) -> Demo:
    """A small instance, made anew, with an empty Valkey."""
    restore(own_postgres.url)
    instance = Demo(own_postgres.url, valkey_url, start_server)
    with instance.valkey() as client:
        client.flushall()
    return instance

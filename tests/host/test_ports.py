"""Free ports and known addresses of this host."""

import socket
from pathlib import Path

import pytest
from support.services import free_port

from wb_cli.host.ports import is_address_here, is_free, read_ephemeral_ports


def test_a_port_without_a_listener_is_free() -> None:
    assert is_free(free_port())


@pytest.mark.parametrize("listener", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("asked", ["127.0.0.1", "0.0.0.0"])
def test_a_port_with_a_listener_is_not_free(listener: str, asked: str) -> None:
    with socket.socket() as server:
        server.bind((listener, 0))
        server.listen()
        assert not is_free(server.getsockname()[1], asked)


def test_an_address_of_another_host_has_no_free_port() -> None:
    assert not is_free(free_port(), "203.0.113.1")


def test_an_address_of_another_host_differs_from_a_port_in_use() -> None:
    assert not is_address_here("203.0.113.1")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert is_address_here("127.0.0.1")


def test_this_machine_s_ephemeral_ports_are_those_that_connections_get() -> None:
    with socket.socket() as client:
        client.bind(("127.0.0.1", 0))
        assert read_ephemeral_ports().has(client.getsockname()[1])


def test_reserved_ports_are_not_ephemeral(tmp_path: Path) -> None:
    (tmp_path / "ip_local_port_range").write_text("32768\t60999\n")
    assert read_ephemeral_ports(tmp_path).has(33050)
    (tmp_path / "ip_local_reserved_ports").write_text("8080,33000-33100\n")
    range_ = read_ephemeral_ports(tmp_path)
    assert [port for port in (32767, 33050, 33101, 61000) if range_.has(port)] == [33101]

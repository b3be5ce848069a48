"""Which process listens on a port of this machine."""

import os
import socket
from pathlib import Path

import pytest
from support.services import free_port

from wb_cli.host import listeners
from wb_cli.host.listeners import Listener, read_listeners


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_listener_is_found_with_its_process(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        port = server.getsockname()[1]
        (found,) = read_listeners({port, free_port()}).values()
    name = Path("/proc/self/comm").read_text().strip()
    assert found == Listener(port, name, os.getpid())
    assert str(found) == f"{name} (process {os.getpid()})"


def test_a_port_that_is_not_asked_for_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert read_listeners({free_port()}) == {}


def test_the_process_of_another_user_has_no_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = "sl local rem st\n 0: 0100007F:2328 0:0 0A 0:0 0:0 0 0 0 4711 1\n"
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(table)
    monkeypatch.setattr(listeners, "PROC", tmp_path)
    (found,) = read_listeners({9000}).values()
    assert str(found) == "a process"

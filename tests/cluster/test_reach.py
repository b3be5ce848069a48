"""An engine elsewhere is reached with the operator's own ssh, and every trouble has its remedy."""

import hashlib
import json
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster.far_host import TLS_PORT, FarHost, find_processes, make_key
from cluster.operator import Operator
from support.services import wait_until

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


def test_an_engine_behind_ssh_answers(operator: Operator, far: FarHost) -> None:
    id_ = operator.declare()
    (status,) = json.loads(operator.wb("--host", far.host_url, "status", "--json").stdout)[
        "instances"
    ]
    assert (status["id"], status["state"]) == (id_, "stopped")


def test_docker_host_and_a_docker_context_choose_an_engine_behind_ssh(
    operator: Operator, far: FarHost
) -> None:
    operator.declare()
    assert "stopped" in operator.wb("status", DOCKER_HOST=far.host_url).stdout
    made = make_context(operator.root / "docker", "field", far.host_url)
    assert "stopped" in operator.wb("--context", "field", "status", DOCKER_CONFIG=made).stdout


def test_an_engine_behind_tls_answers_only_to_a_certificate(
    operator: Operator, far: FarHost
) -> None:
    operator.declare()
    url = f"tcp://{far.address}:{TLS_PORT}"
    with_tls = operator.wb(
        "--host", url, "status", DOCKER_TLS_VERIFY="1", DOCKER_CERT_PATH=str(far.certificates)
    )
    assert "stopped" in with_tls.stdout
    refused = operator.wb("--host", url, "stop", "all", exits=ExitCode.ENGINE_UNREACHABLE)
    assert f"at {url}" in refused.stderr
    assert "DOCKER_TLS_VERIFY=1" in refused.stderr


def test_a_docker_context_brings_its_own_certificates(operator: Operator, far: FarHost) -> None:
    operator.declare()
    folder = operator.root / "docker"
    made = make_context(folder, "field", f"tcp://{far.address}:{TLS_PORT}")
    (meta,) = (folder / "contexts" / "meta").iterdir()
    material = folder / "contexts" / "tls" / meta.name / "docker"
    material.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        shutil.copy(far.certificates / name, material)
    assert "stopped" in operator.wb("--context", "field", "status", DOCKER_CONFIG=made).stdout


def make_context(folder: Path, name: str, url: str) -> str:
    """Make a Docker context, as `docker context create` does."""
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    endpoint = {"Host": url, "SkipTLSVerify": False}
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (meta / "meta.json").write_text(json.dumps(document))
    (folder / "config.json").write_text("{}")
    return str(folder)


def refuse_all_keys(_: Operator, far: FarHost) -> str:
    far.let_in("")
    return far.host_url


def show_another_host_key(operator: Operator, far: FarHost) -> str:
    other = make_key(operator.root / "other")
    known = operator.root / "known_hosts"
    known.write_text("".join(f"{line.split()[0]} {other}" for line in [far.known_key]))
    return far.host_url


def forget_the_host_key(operator: Operator, far: FarHost) -> str:
    (operator.root / "known_hosts").write_text("")
    return far.host_url


def ask_where_no_server_listens(_: Operator, far: FarHost) -> str:
    return f"{far.host_url}:2223"


def ask_a_name_that_is_none(_: Operator, __: FarHost) -> str:
    return "ssh://nowhere.invalid"


def come_as_a_guest(_: Operator, far: FarHost) -> str:
    return f"ssh://guest@{far.name}"


def ask_where_no_socket_is(_: Operator, far: FarHost) -> str:
    return f"{far.host_url}/run/none.sock"


def ask_where_nobody_listens(_: Operator, far: FarHost) -> str:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(far.sees("/srv") / "left.sock"))
    return f"{far.host_url}/srv/left.sock"


Prepare = Callable[[Operator, FarHost], str]
TROUBLES: dict[str, tuple[Prepare, str, str]] = {
    "a refused key": (refuse_all_keys, "Permission denied (publickey)", "ssh-copy-id"),
    "a changed host key": (show_another_host_key, "HAS CHANGED", "Somebody may pose as it"),
    "an unknown host key": (forget_the_host_key, "host key is known", "once shows the key"),
    "no ssh server": (ask_where_no_server_listens, "Connection refused", "Is the machine up?"),
    "an unknown name": (ask_a_name_that_is_none, "Could not resolve", "Correct the name"),
    "no right to the socket": (come_as_a_guest, "may not use /var/run", "group `docker`"),
    "no socket": (ask_where_no_socket_is, "has its socket at /run/none.sock", "installed there"),
    "no engine": (ask_where_nobody_listens, "no engine answers at /srv", "systemctl start"),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_each_trouble_is_told_in_the_words_of_ssh_with_its_remedy(
    trouble: tuple[Prepare, str, str], operator: Operator, far: FarHost
) -> None:
    prepare, words, remedy = trouble
    operator.declare()
    url = prepare(operator, far)
    said = operator.wb("--host", url, "stop", "all", exits=ExitCode.ENGINE_UNREACHABLE).stderr
    error, hint = said.split("hint: ", 1)
    assert url in error
    assert words in error
    assert remedy in hint


def test_a_server_that_forwards_no_sockets_is_named(operator: Operator, far: FarHost) -> None:
    far.stop_ssh()
    far.start_ssh("AllowStreamLocalForwarding no\n")
    try:
        done = operator.wb("--host", far.host_url, "status", exits=ExitCode.ENGINE_UNREACHABLE)
    finally:
        far.stop_ssh()
        far.start_ssh()
    assert "AllowStreamLocalForwarding yes" in done.stderr


def find_tunnels(operator: Operator) -> list[int]:
    """Find the ssh processes of an operator; they name his configuration."""
    return find_processes(operator.root)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_one_connection_serves_wb_and_ends_with_it(
    end: signal.Signals, operator: Operator, far: FarHost
) -> None:
    operator.declare()
    own = str(operator.root / "tmp")
    Path(own).mkdir()
    with operator.running("--host", far.host_url, "status", "--watch", TMPDIR=own) as process:
        assert process.stdout
        wait_until(lambda: find_tunnels(operator), "the connection")
        process.stdout.readline()
        assert far.ssh_connections == 1
        process.send_signal(end)
        process.wait(30)
        wait_until(lambda: not find_tunnels(operator), "the end of ssh")
        wait_until(lambda: far.ssh_connections == 0, "the end of its connection")
        wait_until(lambda: not list(Path(own).iterdir()), "the end of its folder")


def test_the_connection_of_a_finished_command_is_gone(operator: Operator, far: FarHost) -> None:
    operator.declare()
    before = set(Path(tempfile.gettempdir()).glob("wb-*"))
    operator.wb("--host", far.host_url, "status")
    assert find_tunnels(operator) == []
    assert set(Path(tempfile.gettempdir()).glob("wb-*")) <= before

"""The images of wb's recipes behave as the official images do."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.services import (
    POSTGRES_IMAGE,
    POSTGRES_STARTUP,
    VALKEY_IMAGE,
    free_port,
    speaks,
    wait_until,
)

from wb_cli.instances.local_images import PLATFORM

pytestmark = [pytest.mark.engine, pytest.mark.long]

PGDATA = "/var/lib/postgresql/data/pgdata"
Start = Callable[..., Any]


@pytest.fixture
def start(docker_client: Any, run_id: str) -> Iterator[Start]:
    """Start a container of an image. All containers are removed at the end."""
    started = []

    def start_one(image: str, *command: str, **options: Any) -> Any:
        container = docker_client.containers.run(
            image, list(command) or None, detach=True, labels={"wb.test.run": run_id}, **options
        )
        started.append(container)
        return container

    yield start_one
    for container in started:
        container.remove(force=True, v=True)


@pytest.fixture
def start_postgres(start: Start, tmp_path: Path) -> Start:
    """Start PostgreSQL as an instance does, on a folder that outlives it."""
    (tmp_path / "databases").mkdir()

    def start_one(*command: str, password: str | None = "sesame", **options: Any) -> Any:
        environment = {"PGDATA": PGDATA, "POSTGRES_INITDB_ARGS": "--no-sync"}
        environment |= {"POSTGRES_PASSWORD": password} if password else {}
        volumes = {str(tmp_path / "databases"): {"bind": "/var/lib/postgresql/data"}}
        volumes |= options.pop("volumes", {})
        environment |= options.pop("environment", {})
        return start(POSTGRES_IMAGE, *command, environment=environment, volumes=volumes, **options)

    return start_one


def query(container: Any, sql: str, password: str = "sesame") -> tuple[int, str]:
    """Ask over TCP, which needs the password."""
    ended = container.exec_run(
        ["psql", "-h", "127.0.0.1", "-U", "postgres", "-wAtc", sql],
        environment={"PGPASSWORD": password},
    )
    return ended.exit_code, ended.output.decode().strip()


def wait_until_ready(container: Any) -> None:
    """Wait for its answer over TCP. A query from inside the container would take too much time."""
    container.reload()
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    address = network["IPAddress"]
    wait_until(lambda: speaks(5432, POSTGRES_STARTUP, b"R", address), "PostgreSQL")
    assert query(container, "SELECT 1") == (0, "1")


def wait_for_exit(container: Any) -> int:
    return container.wait(timeout=30)["StatusCode"]


def read_logs(container: Any) -> str:
    return container.logs().decode()


def find_main_process(container: Any) -> Path:
    container.reload()
    return Path("/proc", str(container.attrs["State"]["Pid"]))


def read_owner(container: Any) -> str:
    """Read which user the main process runs as."""
    status = (find_main_process(container) / "status").read_text()
    return next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))


def run_inside(container: Any, *command: str) -> str:
    """Run a command. Give its output, which a busy engine can lose if the command is very short."""
    code, output = container.exec_run(list(command))
    if code == 0 and not output:
        code, output = container.exec_run(list(command))
    return output.decode().strip()


def test_postgres_initialises_an_empty_folder_and_asks_every_user_for_the_password(
    start_postgres: Start,
) -> None:
    postgres = start_postgres()
    wait_until_ready(postgres)
    wrong, words = query(postgres, "SELECT 1", password="wrong")
    assert wrong != 0
    assert "password authentication failed" in words
    assert query(postgres, "SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres'")[1] == "t"
    assert query(postgres, "SHOW password_encryption")[1] == "scram-sha-256"
    rules = query(postgres, "SELECT auth_method FROM pg_hba_file_rules WHERE type = 'host'")[1]
    assert set(rules.splitlines()) == {"scram-sha-256"}


def test_postgres_runs_as_its_own_user_and_its_password_is_not_in_its_environment(
    start_postgres: Start,
) -> None:
    postgres = start_postgres()
    wait_until_ready(postgres)
    assert run_inside(postgres, "stat", "-c", "%U %a", PGDATA) == "postgres 700"
    assert run_inside(postgres, "stat", "-c", "%U", f"{PGDATA}/PG_VERSION") == "postgres"
    assert read_owner(postgres) == run_inside(postgres, "id", "-u", "postgres")
    environment = (find_main_process(postgres) / "environ").read_bytes()
    assert b"PGDATA=" in environment
    assert b"sesame" not in environment


def test_postgres_reads_a_password_file_that_only_root_may_read(
    start_postgres: Start, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("from-file\n")
    secret.chmod(0o600)
    postgres = start_postgres(
        password=None,
        environment={"POSTGRES_PASSWORD_FILE": "/run/password"},
        volumes={str(secret): {"bind": "/run/password", "mode": "ro"}},
    )
    wait_until(lambda: query(postgres, "SELECT 1", "from-file")[0] == 0, "PostgreSQL")


def test_postgres_refuses_an_empty_folder_without_a_password(
    start_postgres: Start, tmp_path: Path
) -> None:
    postgres = start_postgres(password=None)
    assert wait_for_exit(postgres) == 1
    assert "POSTGRES_PASSWORD" in read_logs(postgres)
    assert list((tmp_path / "databases" / "pgdata").iterdir()) == []


def test_postgres_answers_its_first_initialisation_on_the_socket_alone(
    start_postgres: Start, tmp_path: Path
) -> None:
    steps = tmp_path / "initdb.d"
    steps.mkdir()
    (steps / "1.sql").write_text("CREATE TABLE made_by_sql AS SELECT 7 AS n;\n")
    (steps / "2.sh").write_text("until [ -e /tmp/go-on ]; do sleep 0.05; done\n")
    port = free_port()
    postgres = start_postgres(
        volumes={str(steps): {"bind": "/docker-entrypoint-initdb.d", "mode": "ro"}},
        ports={"5432/tcp": ("127.0.0.1", port)},
    )
    on_socket = ["psql", "-U", "postgres", "-Atc", "SELECT n FROM made_by_sql"]
    wait_until(lambda: run_inside(postgres, *on_socket) == "7", "the temporary server's answer")
    assert query(postgres, "SELECT 1")[0] != 0
    assert not speaks(port, POSTGRES_STARTUP, b"R")
    postgres.exec_run(["touch", "/tmp/go-on"])
    wait_until(lambda: speaks(port, POSTGRES_STARTUP, b"R"), "the finished server's answer")
    assert query(postgres, "SELECT n FROM made_by_sql") == (0, "7")


def test_postgres_keeps_an_existing_folder_and_ignores_a_new_password(
    start_postgres: Start,
) -> None:
    first = start_postgres()
    wait_until_ready(first)
    assert query(first, "CREATE TABLE kept AS SELECT 42 AS n")[0] == 0
    first.stop()
    second = start_postgres(password="another")
    wait_until_ready(second)
    assert query(second, "SELECT n FROM kept") == (0, "42")
    assert query(second, "SELECT 1", password="another")[0] != 0


def test_postgres_initialises_again_after_a_killed_initialisation(
    start_postgres: Start, tmp_path: Path
) -> None:
    steps = tmp_path / "initdb.d"
    steps.mkdir()
    (steps / "wait.sh").write_text("touch /tmp/here; sleep 600\n")
    volumes = {str(steps): {"bind": "/docker-entrypoint-initdb.d", "mode": "ro"}}
    killed = start_postgres(volumes=volumes)
    wait_until(lambda: killed.exec_run(["ls", "/tmp/here"]).exit_code == 0, "its last step")
    killed.kill()
    assert not (tmp_path / "databases" / "pgdata" / "PG_VERSION").exists()
    again = start_postgres()
    wait_until_ready(again)


def test_postgres_stops_at_once_while_it_initialises(start_postgres: Start, tmp_path: Path) -> None:
    steps = tmp_path / "initdb.d"
    steps.mkdir()
    (steps / "wait.sh").write_text("touch /tmp/here; while :; do sleep 0.05; done\n")
    volumes = {str(steps): {"bind": "/docker-entrypoint-initdb.d", "mode": "ro"}}
    postgres = start_postgres(volumes=volumes)
    wait_until(lambda: postgres.exec_run(["ls", "/tmp/here"]).exit_code == 0, "its last step")
    postgres.stop(timeout=30)
    assert wait_for_exit(postgres) == 130  # 137 where the engine had to kill it


def test_postgres_refuses_a_folder_with_other_files(start_postgres: Start, tmp_path: Path) -> None:
    folder = tmp_path / "databases" / "pgdata"
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    postgres = start_postgres()
    assert wait_for_exit(postgres) == 1
    assert "not empty" in read_logs(postgres)
    assert (folder / "thesis.txt").read_text() == "precious"


def test_postgres_honours_arguments_with_and_without_its_name(start_postgres: Start) -> None:
    for command in (("postgres", "-c", "max_connections=7"), ("-c", "max_connections=7")):
        postgres = start_postgres(*command)
        wait_until_ready(postgres)
        assert query(postgres, "SHOW max_connections") == (0, "7")
        postgres.stop()


def test_postgres_stops_at_once_on_its_stop_signal_even_with_open_sessions(
    start_postgres: Start,
) -> None:
    postgres = start_postgres()
    wait_until_ready(postgres)
    session = ["psql", "-U", "postgres", "-c", "SELECT pg_sleep(600)"]
    postgres.exec_run(session, detach=True)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(600)'"
    wait_until(lambda: query(postgres, sleeping) == (0, "1"), "the open session")
    postgres.stop(timeout=30)
    assert wait_for_exit(postgres) == 0  # 137 where the engine had to kill it
    assert "received fast shutdown request" in read_logs(postgres)


def test_postgres_has_no_broken_compiler_for_queries(start_postgres: Start) -> None:
    postgres = start_postgres()
    wait_until_ready(postgres)
    code, words = query(
        postgres, "SET jit = on; SET jit_above_cost = 0; SELECT count(*) > 0 FROM pg_class"
    )
    assert (code, words.splitlines()[-1]) == (0, "t")


@pytest.fixture
def start_valkey(start: Start, tmp_path: Path) -> Start:
    """Start Valkey as an instance does, on a folder that outlives it."""
    (tmp_path / "valkey").mkdir()
    volumes = {str(tmp_path / "valkey"): {"bind": "/data"}}
    return lambda *command, **options: start(VALKEY_IMAGE, *command, volumes=volumes, **options)


def ask_valkey(container: Any, *command: str) -> str:
    return run_inside(container, "valkey-cli", *command)


def test_valkey_answers_other_hosts_without_a_password(start_valkey: Start) -> None:
    port = free_port()
    server = start_valkey(ports={"6379/tcp": ("127.0.0.1", port)})
    wait_until(lambda: speaks(port, b"PING\r\n", b"+PONG"), "Valkey from outside")
    assert ask_valkey(server, "CONFIG", "GET", "protected-mode").split() == ["protected-mode", "no"]


def test_valkey_runs_as_its_own_user_in_a_data_folder_of_its_own(
    start_valkey: Start, tmp_path: Path
) -> None:
    stray = tmp_path / "valkey" / "made-by-root"
    stray.write_text("")
    server = start_valkey()
    wait_until(lambda: ask_valkey(server, "PING") == "PONG", "Valkey")
    uid = int(run_inside(server, "id", "-u", "valkey"))
    assert uid != 0
    assert int(read_owner(server)) == uid
    assert {(tmp_path / "valkey").stat().st_uid, stray.stat().st_uid} == {uid}
    assert ask_valkey(server, "CONFIG", "GET", "dir").split() == ["dir", "/data"]


def test_valkey_saves_its_data_on_a_stop_and_loads_it_again(start_valkey: Start) -> None:
    first = start_valkey("valkey-server", "--save", "60", "1")
    wait_until(lambda: ask_valkey(first, "PING") == "PONG", "Valkey")
    assert ask_valkey(first, "SET", "kept", "yes") == "OK"
    first.stop(timeout=10)
    assert wait_for_exit(first) == 0
    second = start_valkey("valkey-server", "--save", "60", "1")
    wait_until(lambda: ask_valkey(second, "GET", "kept") == "yes", "the value from before")


def test_valkey_honours_its_arguments(start_valkey: Start) -> None:
    server = start_valkey("valkey-server", "--save", "60", "1", "--maxmemory", "64mb")
    wait_until(lambda: ask_valkey(server, "PING") == "PONG", "Valkey")
    assert ask_valkey(server, "CONFIG", "GET", "maxmemory").split()[1] == str(64 * 1024**2)
    assert ask_valkey(server, "CONFIG", "GET", "save").split("\n")[1] == "60 1"


def test_valkey_takes_a_configuration_file_first(start_valkey: Start, tmp_path: Path) -> None:
    (tmp_path / "valkey" / "own.conf").write_text("maxmemory 1mb\n")
    server = start_valkey("valkey-server", "/data/own.conf", "--databases", "3")
    wait_until(lambda: ask_valkey(server, "PING") == "PONG", "Valkey")
    assert ask_valkey(server, "CONFIG", "GET", "maxmemory").split()[1] == str(1024**2)
    assert ask_valkey(server, "CONFIG", "GET", "databases").split()[1] == "3"


def test_valkey_can_be_asked_for_its_version(start_valkey: Start) -> None:
    asked = start_valkey("valkey-server", "--version")
    assert wait_for_exit(asked) == 0
    assert "v=8." in read_logs(asked)


def test_the_platform_starts_without_a_shell_as_its_own_user(
    start: Start, docker_client: Any, tmp_path: Path
) -> None:
    config = docker_client.images.get(PLATFORM.tag).attrs["Config"]
    assert config["Entrypoint"] == ["python", "-m", "wb_cli.server"]
    assert config["User"] not in {"", "root", "0"}
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    sandbox.chmod(0o777)
    port = free_port()
    platform = start(
        PLATFORM.tag,
        ports={"8000/tcp": ("127.0.0.1", port)},
        volumes={str(sandbox): {"bind": "/app/sandbox"}},
    )
    request = b"GET /health_check HTTP/1.0\r\n\r\n"
    wait_until(lambda: speaks(port, request, b"HTTP/1."), "the platform")
    assert read_owner(platform) != "0"
    assert platform.exec_run(["touch", "/app/sandbox/mine"]).exit_code == 0
    platform.stop(timeout=10)
    assert wait_for_exit(platform) == 0


def test_the_platform_s_image_has_nothing_of_the_operator_s_half(start: Start) -> None:
    asked = start(
        PLATFORM.tag,
        "-c",
        "import importlib.util as u, json; print(json.dumps([n for n in "
        "('docker', 'typer', 'rich', 'pip', 'wb_cli.cli', 'wb_cli.engine') if u.find_spec(n)]))",
        entrypoint="python",
    )
    assert wait_for_exit(asked) == 0
    assert json.loads(read_logs(asked)) == []

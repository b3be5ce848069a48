"""`wb adopt` takes over what an older tool left running."""

import http.client
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from support.json_answers import check
from support.older_tool import OlderInstance, Prober
from support.platform_stand_in import Platforms
from support.services import POSTGRES_IMAGE, wait_until
from support.wb_host import COMMAND_S, Host

from wb_cli.contract import POSTGRES_HOST_PORT_OFFSET
from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]

Older = Callable[..., OlderInstance]


@pytest.fixture
def older(host: Host) -> Iterator[Older]:
    """Starts instances of the older tool."""
    started: list[OlderInstance] = []

    def start(**differences: Any) -> OlderInstance:
        started.append(OlderInstance(host, **differences))
        return started[-1].start()

    yield start
    for instance in started:
        instance.discard()


def read_entries(host: Host) -> dict[str, dict[str, Any]]:
    """The registry file's entries by id."""
    if not host.servers_file.exists():
        return {}
    return {entry["id"]: entry for entry in json.loads(host.servers_file.read_text())}


def test_five_instances_are_taken_over_with_one_command(host: Host, older: Older) -> None:
    plain = older()
    quoted = older(quote="'", variables={"INSTANCE_LANGUAGE": "'fr'", "ISO_COUNTRY_CODE": "SL"})
    moved = older(folder="west/data")
    administered = older(has_admin=True)
    bare = older(has_valkey=False, variables={"STATUS_API_KEY": "open sesame"})
    everything = [plain, quoted, moved, administered, bare]
    for instance in everything:
        instance.write(f"data of {instance.id}")
    ids = [instance.id for instance in everything]
    settings: dict[str, Any] = {"WB_ADMIN_IMAGE": host.platform}
    with ExitStack() as stack:
        probers = {each.id: stack.enter_context(Prober(each.port).asking()) for each in everything}
        answer = check("adopt", host.wb("adopt", *ids, "--json", **settings).stdout)
    ended = {each["id"]: each for each in answer["instances"]}
    assert set(ended) == {each.id for each in everything}
    entries = read_entries(host)
    for instance in everything:
        adoption = ended[instance.id]["adoption"]
        assert ended[instance.id]["result"] == "adopted"
        assert adoption["isNewEntry"]
        assert 0 < adoption["awaySeconds"] < 60
        assert probers[instance.id].longest_s > 0
        assert entries[instance.id]["port"] == instance.port
        assert entries[instance.id]["serverVersion"] == "1.6.7"
        assert entries[instance.id]["label"] == f"Sierra Leone {instance.id}"
        assert set(instance.read().values()) == {f"data of {instance.id}"}
        assert instance.password not in host.servers_file.read_text()
        (planned,) = host.json("run", instance.id, "--dry-run", **settings)["instances"]
        assert planned["plan"]["steps"] == []
        (network,) = host.client.networks.list(names=[f"^{instance.id}$"])
        assert network.attrs["Labels"]["wb.instance"] == instance.id
    assert entries[moved.id]["instanceDir"] == "west/data"
    assert entries[quoted.id]["french"] is True
    assert entries[quoted.id]["env"] == {"ISO_COUNTRY_CODE": "SL"}
    assert entries[administered.id]["adminVersion"] == "2.1"
    assert "open sesame" not in host.servers_file.read_text()
    environment = host.inspect(bare.id)["Config"]["Env"]
    assert "STATUS_API_KEY=open sesame" in environment
    assert f"PG_PASSWORD={bare.password}" in environment
    assert host.valkey(bare.id, "PING") == "PONG"
    again = host.json("adopt", *ids, **settings)
    assert {each["result"] for each in again["instances"]} == {"unchanged"}
    host.wb("stop", "all")


def test_a_dry_run_and_the_list_show_everything_and_change_nothing(
    host: Host, older: Older
) -> None:
    instance = older(address="127.0.0.1", variables={"ISO_COUNTRY_CODE": "SL"})
    before = instance.container_ids()
    listed = check("adopt", host.wb("adopt", "--json").stdout)["candidates"]
    (candidate,) = (each for each in listed if each["id"] == instance.id)
    assert candidate["entry"]["env"] == {"ISO_COUNTRY_CODE": "(hidden)"}
    assert candidate["problems"] == []
    planned = host.wb("adopt", instance.id, "--dry-run").stdout
    assert f"port={instance.port}" in planned
    assert "would be away for about" in planned
    assert "4 to replace; nothing was changed" in planned
    everything = check("adopt", host.ran("adopt", "all", "--dry-run", "--json").stdout)["instances"]
    (answer,) = (each for each in everything if each["id"] == instance.id)
    assert answer["result"] == "planned"
    assert answer["adoption"]["changes"] == []
    assert instance.container_ids() == before
    assert read_entries(host) == {}
    assert not any((host.root / "secrets").glob("**/*.json"))


def test_status_tells_of_what_could_be_taken_over_until_it_was(host: Host, older: Older) -> None:
    instance = older()
    # Others' tests may have older instances on this engine at the same time.
    assert instance.id in check("status", host.wb("status", "--json").stdout)["older"]
    assert "An older tool left " in host.wb("status").stderr
    host.wb("adopt", instance.id)
    after = check("status", host.wb("status", "--json").stdout)
    assert instance.id not in after["older"]
    assert [each["state"] for each in after["instances"]] == ["running"]
    assert check("status", host.wb("status", instance.id, "--json").stdout)["older"] is None
    host.wb("stop", instance.id)


def test_connected_clients_are_told_and_come_back_with_what_they_know(
    host: Host, older: Older
) -> None:
    instance = older()
    instance.write("precious")
    browser = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=COMMAND_S)
    ask(browser)
    at_work = psql(instance, "SELECT pg_sleep(600)")
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_until(lambda: host.sql(instance.id, asleep) == "1", "psql to be at work", COMMAND_S)
    host.wb("adopt", instance.id)
    # PostgreSQL tells its clients, and does not wait for them until it is killed.
    assert at_work.wait(timeout=COMMAND_S)["StatusCode"] != 0
    assert "terminating connection due to administrator command" in at_work.logs().decode()
    again = psql(instance, "SELECT what FROM kept")
    assert again.wait(timeout=COMMAND_S)["StatusCode"] == 0, again.logs()
    assert again.logs().split() == [b"precious"]
    with suppress(ConnectionError, http.client.HTTPException):
        ask(browser)  # on the connection to the older platform, which has ended
    browser.close()
    ask(browser)  # on a new one, as every browser makes it by itself
    browser.close()
    for container in (at_work, again):
        container.remove()
    host.wb("stop", instance.id)


def psql(older: OlderInstance, statement: str) -> Any:
    """A client in a container of its own, with the address and the password of before."""
    name, _, value = older.host.labels.partition("=")
    port = str(older.port + POSTGRES_HOST_PORT_OFFSET)
    return older.client.containers.run(
        POSTGRES_IMAGE,
        ["-h", "127.0.0.1", "-p", port, "-U", "postgres", "-Atc", statement],
        entrypoint=["psql"],
        network_mode="host",
        environment={"PGPASSWORD": older.password},
        labels={name: value},
        detach=True,
    )


def ask(browser: http.client.HTTPConnection) -> None:
    browser.request("GET", "/")
    assert browser.getresponse().read() is not None


def test_run_and_stop_of_what_an_older_tool_left_name_adopt(host: Host, older: Older) -> None:
    instance = older()
    host.declare(id=instance.id, port=instance.port)
    for verb in ("run", "stop"):
        done = host.wb(verb, instance.id, exits=ExitCode.FAILURE)
        assert f"`wb adopt {instance.id}` takes over" in done.stderr
    host.wb("adopt", instance.id)
    host.wb("run", instance.id)
    host.wb("stop", instance.id)


@pytest.mark.parametrize("part", ["postgres", "valkey", "platform"])
def test_a_new_container_that_fails_brings_the_older_ones_back(
    host: Host, older: Older, platforms: Platforms, part: str
) -> None:
    instance = older()
    instance.write("precious")
    if part == "platform":
        host.declare(id=instance.id, port=instance.port, env={"MODE": "exits"})
    broken: dict[str, Any] = (
        {} if part == "platform" else {f"WB_{part.upper()}_IMAGE": platforms("exits")}
    )
    exits = ExitCode.DEGRADED if part == "valkey" else ExitCode.FAILURE
    done = host.wb("adopt", instance.id, exits=exits, **broken)
    if part == "valkey":  # an instance runs without its cache, and the cache keeps its data
        host.wb("run", instance.id)
        assert instance.read()["key"] == "precious"
        host.wb("stop", instance.id)
        return
    assert "ConfigError: no such dialect" in done.stderr
    assert len(instance.container_ids()) == len(instance.names)
    assert host.listed(instance.id) == []
    assert set(instance.read().values()) == {"precious"}
    assert host.inspect(f"{instance.id}-postgres")["HostConfig"]["AutoRemove"]
    assert set(read_entries(host)) == ({instance.id} if part == "platform" else set())
    assert not any((host.root / "secrets" / "handovers").glob("*"))
    host.change(instance.id, env={}) if part == "platform" else None
    host.wb("adopt", instance.id)
    assert set(instance.read().values()) == {"precious"}
    host.wb("stop", "all")


def test_an_interrupted_takeover_brings_the_older_containers_back(host: Host, older: Older) -> None:
    instance = older()
    instance.write("precious")
    with host.started("adopt", instance.id, "-v") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if f"create {instance.id}-postgres" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == ExitCode.INTERRUPTED
    assert len(instance.container_ids()) == len(instance.names)
    assert set(instance.read().values()) == {"precious"}
    assert host.listed(instance.id) == []
    assert read_entries(host) == {}


@pytest.mark.long  # four instances are started
def test_what_does_not_fit_is_refused_with_its_container_value_and_remedy(
    host: Host, older: Older, tmp_path: Path
) -> None:
    def refusal(instance: OlderInstance, **settings: Any) -> str:
        before = instance.container_ids()
        error = host.wb("adopt", instance.id, exits=ExitCode.FAILURE, **settings).stderr
        assert instance.container_ids() == before
        assert instance.password not in error
        assert read_entries(host).keys() <= host.entries.keys()
        listed = host.json("adopt", **settings)["candidates"]
        assert [each["problems"] != [] for each in listed if each["id"] == instance.id] == [True]
        return error

    plain = older()
    elsewhere = refusal(plain, MOUNT_PATH=str(tmp_path / "elsewhere"))
    assert f"{plain.id}-postgres mounts {plain.path}/databases" in elsewhere
    assert "--mount-path" in elsewhere
    split = older(
        changed={"valkey": {"volumes": {str(host.mount_path / "other/valkey_data"): "/data"}}}
    )
    assert "its folders lie in 2 places" in refusal(split)
    volume = older(changed={"valkey": {"volumes": {}}})
    assert f"{volume.id}-valkey keeps /data in " in refusal(volume)
    wrong = older(
        variables={"PG_PASSWORD": "guess"},
        changed={
            "postgres": {
                "environment": {
                    "POSTGRES_PASSWORD": "other",
                    "PGDATA": "/var/lib/postgresql/data/pgdata",
                }
            }
        },
    )
    wrong.client.api.exec_start(
        wrong.client.api.exec_create(
            f"{wrong.id}-postgres",
            ["psql", "-U", "postgres", "-c", "ALTER USER postgres PASSWORD 'changed'"],
        )["Id"]
    )
    told = refusal(wrong)
    assert f"refuses PG_PASSWORD of {wrong.id}: " in told
    assert "guess" not in told
    host.declare(id=plain.id, port=plain.port + 1, serverVersion="1.6.8")
    disagreeing = refusal(plain)
    assert f"the registry file says port {plain.port + 1}, and {plain.port} runs" in disagreeing
    assert f"`wb config set {plain.id} port={plain.port}` keeps what runs" in disagreeing
    assert "serverVersion 1.6.8, and 1.6.7 runs" in disagreeing
    host.forget(plain.id)
    twin = plain.run("2", host.platform, environment={"INSTANCE_ID": plain.id})
    assert f"several platforms of {plain.id}: {plain.id}, {plain.id}-2" in refusal(plain)
    twin.remove(force=True)


def test_a_neighbours_containers_are_not_taken_over(host: Host, older: Older) -> None:
    neighbour = older(variables={"INSTANCE_ID": "of-another-program"})
    listed = {each["id"] for each in host.json("adopt")["candidates"]}
    planned = json.loads(host.ran("adopt", "all", "--dry-run", "--json").stdout)["instances"]
    assert neighbour.id not in listed | {each["id"] for each in planned}
    error = host.wb("adopt", neighbour.id, exits=ExitCode.FAILURE).stderr
    assert f"{neighbour.id} has INSTANCE_ID=of-another-program" in error
    assert "docker inspect" in error


def test_an_unknown_id_is_named_with_the_way_to_the_list(host: Host) -> None:
    error = host.wb("adopt", "nobody", exits=ExitCode.USAGE).stderr
    assert "there is no instance nobody of an older tool on this engine" in error
    assert "`wb adopt` lists what can be taken over" in error

"""The containers of an instance on the engine have every value of the contract."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from support.services import POSTGRES_IMAGE, VALKEY_IMAGE
from support.wb_host import SUBNET_POOL, Host

from wb_cli import __version__
from wb_cli.engine.docker.docker_engine import DockerEngine
from wb_cli.engine.task import TaskSpec

pytestmark = pytest.mark.engine
# The numbers are those of linux/capability.h.
CAPABILITIES = {"NET_RAW": 13, "MKNOD": 27, "SETFCAP": 31}
ENV = {"ISO_COUNTRY_CODE": "ML", "STATUS_API_KEY": "open sesame"}


@dataclass(frozen=True)
class Running:
    """A running instance, with the engine's inspection of its containers."""

    host: Host
    id: str
    postgres: dict[str, Any]
    valkey: dict[str, Any]
    platform: dict[str, Any]

    @property
    def folder(self) -> Path:
        return self.host.folder(self.id)

    @property
    def all(self) -> list[dict[str, Any]]:
        return [self.postgres, self.valkey, self.platform]


@pytest.fixture(scope="module")
def it(shared_host: Host) -> Iterator[Running]:
    host = shared_host
    id_ = host.prepare(
        label="Côte d'Ivoire",
        french=True,
        ethiopian=True,
        openAccess=True,
        env=ENV,
        memory="256m",
        cpus=0.75,
        valkeyMaxMemory="64m",
    )
    host.wb("run", id_, DOMAIN="example.org", CLERK_SECRET_KEY="clerk")
    names = (f"{id_}-postgres", f"{id_}-valkey", id_)
    yield Running(host, id_, *map(host.inspect, names))
    host.wb("stop", id_)


def read_mounts(inspected: dict[str, Any]) -> set[tuple[str, str, bool]]:
    folders = (mount for mount in inspected["Mounts"] if mount["Type"] == "bind")
    return {(m["Source"], m["Destination"], m["RW"]) for m in folders}


def read_environment(inspected: dict[str, Any]) -> dict[str, str]:
    return dict(variable.split("=", 1) for variable in inspected["Config"]["Env"])


def read_ports(inspected: dict[str, Any]) -> dict[str, Any]:
    return {port: to for port, to in inspected["NetworkSettings"]["Ports"].items() if to}


def test_containers_bear_their_names(it: Running) -> None:
    names = {container["Name"] for container in it.all}
    assert names == {f"/{it.id}-postgres", f"/{it.id}-valkey", f"/{it.id}"}


def test_containers_run_the_configured_images(it: Running) -> None:
    images = [container["Config"]["Image"] for container in it.all]
    assert images == [POSTGRES_IMAGE, VALKEY_IMAGE, it.host.platform]


def test_valkey_has_the_contract_s_command_and_the_others_have_their_images_command(
    it: Running,
) -> None:
    assert it.valkey["Config"]["Cmd"] == [
        "valkey-server", "--save", "60", "1",
        "--maxmemory", "67108864", "--maxmemory-policy", "allkeys-lfu",
    ]  # fmt: skip
    for inspected in (it.postgres, it.platform):
        image = it.host.client.images.get(inspected["Config"]["Image"]).attrs["Config"]
        assert (inspected["Config"]["Cmd"] or []) == (image["Cmd"] or [])
        assert inspected["Config"]["Entrypoint"] == image["Entrypoint"]


def test_each_part_mounts_its_own_folders(it: Running) -> None:
    assert read_mounts(it.postgres) == {
        (f"{it.folder}/databases", "/var/lib/postgresql/data", True),
        (f"{it.folder}/sandbox", "/app/sandbox", True),
    }
    assert read_mounts(it.valkey) == {(f"{it.folder}/valkey_data", "/data", True)}
    assert read_mounts(it.platform) == {
        (f"{it.folder}/sandbox", "/app/sandbox", True),
        (f"{it.folder}/assets", "/app/assets", True),
    }


def test_ports_are_published_on_loopback_and_valkey_s_is_not(it: Running) -> None:
    port = it.host.port(it.id)
    assert read_ports(it.platform) == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    assert read_ports(it.postgres) == {
        "5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port + 10_000)}]
    }
    assert read_ports(it.valkey) == {}


def test_stop_timeouts_an_init_process_and_log_limits_are_set(it: Running) -> None:
    assert [container["Config"]["StopTimeout"] for container in it.all] == [30, 10, 10]
    for container in it.all:
        assert container["HostConfig"]["Init"] is True
        assert container["HostConfig"]["LogConfig"] == {
            "Type": "json-file",
            "Config": {"max-size": "10m", "max-file": "3"},
        }


def read_rights(status: str) -> tuple[str, set[str]]:
    """Whether a process can gain rights, and the names of what its container can never do."""
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    bounds = int(fields["CapBnd"].strip(), 16)
    return fields["NoNewPrivs"].strip(), {
        n for n, bit in CAPABILITIES.items() if not bounds >> bit & 1
    }


def test_no_program_of_a_container_can_gain_rights(it: Running) -> None:
    for container in it.all:
        status = (Path("/proc") / str(container["State"]["Pid"]) / "status").read_text()
        assert read_rights(status) == ("1", set(CAPABILITIES))


def test_no_program_of_a_throw_away_container_can_gain_rights(it: Running) -> None:
    lines: list[str] = []
    words = ("sh", "-c", 'while read -r line; do echo "$line"; done < /proc/self/status')
    task = TaskSpec("test", VALKEY_IMAGE, words)
    DockerEngine(it.host.client).run_task(task, lines.append, threading.Event())
    assert read_rights("\n".join(lines)) == ("1", set(CAPABILITIES))


def test_containers_are_supervised_and_not_removed_by_the_engine(it: Running) -> None:
    for container in it.all:
        assert container["HostConfig"]["RestartPolicy"]["Name"] == "always"
        assert container["HostConfig"]["AutoRemove"] is False


def test_the_platform_has_its_limits_and_postgres_its_shared_memory(it: Running) -> None:
    assert it.platform["HostConfig"]["Memory"] == 256 * 1024**2
    assert it.platform["HostConfig"]["NanoCpus"] == 750_000_000
    assert it.postgres["HostConfig"]["ShmSize"] == 256 * 1024**2


def test_the_platform_gets_exactly_the_contract_s_environment(it: Running) -> None:
    image = it.host.client.images.get(it.host.platform).attrs["Config"]["Env"]
    own = {name: value for name, value in read_environment(it.platform).items()
           if f"{name}={value}" not in image}  # fmt: skip
    secrets = json.loads((it.host.root / "secrets" / f"{it.id}.json").read_text())
    assert own == {
        "INSTANCE_ID": it.id,
        "INSTANCE_NAME": "Côte d'Ivoire",
        "INSTANCE_LANGUAGE": "fr",
        "INSTANCE_CALENDAR": "ethiopian",
        "OPEN_ACCESS": "1",
        "INSTANCE_REDIRECT_URL": f"https://{it.id}.example.org",
        "SERVER_VERSION": "1.6.7",
        "DATABASE_FOLDER": it.id,
        "SANDBOX_DIR_PATH_EXTERNAL": f"{it.folder}/sandbox",
        "PG_HOST": f"{it.id}-postgres",
        "PG_PORT": "5432",
        "PG_PASSWORD": secrets["postgresPassword"],
        "VALKEY_URL": f"redis://{it.id}-valkey:6379",
        "WB_ADMIN_TOKEN": secrets["adminToken"],
        "CLERK_SECRET_KEY": "clerk",
        **ENV,
    }


def test_the_environment_of_postgres_names_a_file_and_holds_no_password(it: Running) -> None:
    postgres = read_environment(it.postgres)
    assert postgres["PGDATA"] == "/var/lib/postgresql/data/pgdata"
    assert postgres["POSTGRES_PASSWORD_FILE"] == "/run/wb/postgres-password"
    secrets = json.loads((it.host.root / "secrets" / f"{it.id}.json").read_text())
    assert secrets["postgresPassword"] not in json.dumps(it.postgres)
    listing = it.host.execute(
        f"{it.id}-postgres", "stat", "-c", "%a %U", "/run/wb/postgres-password"
    )
    assert listing == (0, "600 root\n")


def test_the_platform_s_password_opens_the_database(it: Running) -> None:
    password, host = read_environment(it.platform)["PG_PASSWORD"], f"{it.id}-postgres"
    script = f"PGPASSWORD='{password}' psql -h {host} -U postgres -Atc 'select 41+1'"
    assert it.host.execute(host, "sh", "-c", script) == (0, "42\n")


def test_everything_has_the_labels_by_which_wb_finds_it(it: Running) -> None:
    (network,) = it.host.networks(it.id)
    for inspected, part in zip(it.all, ("postgres", "valkey", "platform"), strict=True):
        labels = inspected["Config"]["Labels"]
        assert labels["wb.instance"] == it.id
        assert labels["wb.role"] == part
        assert labels["wb.registry"] == str(it.host.servers_file)
        assert labels["wb.version"] == __version__
        assert labels["wb.test.run"]
    assert network.attrs["Labels"]["wb.instance"] == it.id
    assert network.attrs["Labels"]["wb.registry"] == str(it.host.servers_file)


def test_no_secret_is_in_any_label(it: Running) -> None:
    secrets = json.loads((it.host.root / "secrets" / f"{it.id}.json").read_text())
    for inspected in it.all:
        labels = json.dumps(inspected["Config"]["Labels"], ensure_ascii=False)
        for secret in (*secrets.values(), "open sesame", 'clerk"'):
            assert secret not in labels


def test_the_network_is_a_bridge_of_the_pool_named_as_the_instance(it: Running) -> None:
    (network,) = it.host.networks(it.id)
    assert (network.name, network.attrs["Driver"]) == (it.id, "bridge")
    (config,) = network.attrs["IPAM"]["Config"]
    subnet = IPv4Network(config["Subnet"])
    assert subnet.subnet_of(IPv4Network(SUBNET_POOL))
    assert subnet.prefixlen == 29


def test_all_containers_join_only_that_network_under_their_own_names(it: Running) -> None:
    for inspected in it.all:
        (name,) = inspected["NetworkSettings"]["Networks"]
        assert name == it.id
        aliases = inspected["NetworkSettings"]["Networks"][name]["Aliases"]
        assert inspected["Name"].removeprefix("/") in aliases


def test_the_result_has_a_url_that_answers(it: Running) -> None:
    import urllib.request

    answer = it.host.json("run", it.id, DOMAIN="example.org", CLERK_SECRET_KEY="clerk")
    (summary,) = answer["instances"]
    assert summary["url"] == f"http://127.0.0.1:{it.host.port(it.id)}"
    assert summary["result"] == "unchanged"
    with urllib.request.urlopen(summary["url"] + "/health_check") as response:
        assert response.status == 200

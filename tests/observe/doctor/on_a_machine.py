"""What is wrong on a real machine. Each function provokes one finding, and returns a text in it."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

from support.disks import small_disk
from support.doctor_case import Case
from support.services import POSTGRES_IMAGE, free_port, wait_until
from support.wb_host import SUBNET_POOL, free_pair_of_ports

from wb_cli.contract import DATABASES, PGDATA_NAME
from wb_cli.host import mounts

Provoke = Callable[[Case], str]
PROVOKED: dict[str, Provoke] = {}


def provokes(code: str) -> Callable[[Provoke], Provoke]:
    def add(provoke: Provoke) -> Provoke:
        PROVOKED[code] = provoke
        return provoke

    return add


# The engine


@provokes("engine-unreachable")
def choose_an_engine_that_is_not_there(case: Case) -> str:
    nobody = f"tcp://127.0.0.1:{free_port()}"
    case.monkeypatch.setenv("DOCKER_HOST", nobody)
    return nobody


@provokes("engine-chosen")
def choose_this_machine_s_engine(case: Case) -> str:
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    case.monkeypatch.setenv("DOCKER_HOST", engine)
    return "DOCKER_HOST"


@provokes("not-known")
def lose_a_password(case: Case) -> str:
    secrets = case.host.root / "secrets" / f"{case.demo}.json"
    lost = secrets.rename(case.folder / "lost.json")
    case.by_hand = lambda: lost.rename(secrets)
    return "the password of the database is not known"


# Disks


def put_a_small_disk(case: Case) -> str:
    disk = case.stack.enter_context(small_disk(case.folder / "disk"))
    case.environ["MOUNT_PATH"] = str(disk)
    return str(disk)


def remount(disk: str, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", disk], check=True)


@provokes("disk-low")
def have_little_space(case: Case) -> str:
    disk = put_a_small_disk(case)
    case.by_hand = lambda: remount(disk, "size=1g")
    return disk


@provokes("inodes-low")
def have_too_many_files(case: Case) -> str:
    disk = put_a_small_disk(case)
    files = [case.folder / "disk" / str(number) for number in range(7)]
    for file in files:
        file.touch()
    case.by_hand = lambda: list(map(Path.unlink, files))
    return disk


@provokes("disk-read-only")
def have_a_disk_that_failed(case: Case) -> str:
    disk = put_a_small_disk(case)
    remount(disk, "ro")
    return disk


@provokes("mount-not-kept")
def mount_a_disk_by_hand(case: Case) -> str:
    fstab = case.folder / "fstab"
    case.monkeypatch.setattr(mounts, "FSTAB", fstab)
    case.replaced["/etc/fstab"] = str(fstab)
    return put_a_small_disk(case)


# Ports and networks


@provokes("port-taken")
def take_a_port(case: Case) -> str:
    case.stack.enter_context(socket.create_server(("127.0.0.1", case.host.port(case.idle))))
    case.answer = str(free_pair_of_ports())
    return f"(process {os.getpid()})"


@provokes("port-ephemeral")
def declare_a_port_of_connections(case: Case) -> str:
    case.host.change(case.idle, port=25_000)
    case.answer = str(free_pair_of_ports())
    return case.idle


@provokes("pool-full")
def have_a_pool_of_one(case: Case) -> str:
    (network,) = case.host.networks(case.demo)
    case.environ["WB_SUBNET_POOL"] = network.attrs["IPAM"]["Config"][0]["Subnet"]
    case.by_hand = lambda: case.environ.pop("WB_SUBNET_POOL")
    return "0 of 1 subnets"


@provokes("pool-overlaps")
def route_into_the_pool(case: Case) -> str:
    *_, last = IPv4Network(SUBNET_POOL).subnets(new_prefix=29)

    def change(verb: str, *, check: bool = True) -> None:
        words = ["ip", "route", verb, str(last), "dev", "lo"]
        subprocess.run(words, check=check, capture_output=True)

    change("add")
    case.stack.callback(change, "del", check=False)
    case.by_hand = lambda: change("del")
    return str(last)


# Exposure


@provokes("exposed")
def publish_the_database(case: Case) -> str:
    case.host.change(case.demo, postgresBindAddress="0.0.0.0")
    return "postgres is published on 0.0.0.0"


@provokes("docker-socket")
def hand_over_the_socket(case: Case) -> str:
    case.host.change(case.demo, dockerSocket=True)
    return case.demo


@provokes("folder-open")
def open_a_folder(case: Case) -> str:
    case.data(case.idle, "databases").chmod(0o777)
    return "every user may write to its folder databases"


@provokes("folder-owner")
def give_the_registry_file_away(case: Case) -> str:
    os.chown(case.host.servers_file, 1000, 1000)
    case.stack.callback(os.chown, case.host.servers_file, 0, 0)
    return str(case.host.servers_file)


@provokes("sandbox-closed")
def close_a_sandbox(case: Case) -> str:
    case.data(case.idle, "sandbox").chmod(0o755)
    return "its folder sandbox has the mode 0755"


@provokes("secrets-open")
def open_the_secrets(case: Case) -> str:
    secrets = case.host.root / "secrets" / f"{case.demo}.json"
    secrets.chmod(0o644)
    return f"{secrets} has the mode 0644"


# Folders


@provokes("mount-path")
def take_the_mount_path_away(case: Case) -> str:
    path = case.folder / "gone"
    case.environ["MOUNT_PATH"] = str(path)
    case.by_hand = path.mkdir
    return str(path)


@provokes("folder-missing")
def remove_a_folder(case: Case) -> str:
    case.data(case.idle, "exports").rmdir()
    return "exports: missing"


@provokes("folder-shared")
def link_to_another_s_folder(case: Case) -> str:
    own = case.data(case.idle, "valkey_data")
    own.rmdir()
    own.symlink_to(case.data(case.demo, "valkey_data"))

    def give_it_its_own() -> None:
        own.unlink()
        own.mkdir()

    case.by_hand = give_it_its_own
    return "its valkey_data is the same folder"


@provokes("folder-claimed")
def mount_the_data_elsewhere(case: Case) -> str:
    data = str(case.data(case.idle, "databases"))
    return str(case.container(volumes={data: {"bind": "/else", "mode": "rw"}}).name)


@provokes("folder-closed")
def close_a_folder(case: Case) -> str:
    folder = case.data(case.idle, "databases")
    (folder / "pgdata").mkdir()
    os.chown(folder / "pgdata", 999, 999)
    folder.chmod(0o700)
    case.stack.callback((folder / "pgdata").rmdir)
    return "its folder databases is closed"


# Instances


@provokes("image-missing")
def declare_an_image_that_is_not_there(case: Case) -> str:
    case.host.change(case.idle, image="wb-no-such-image:1")
    case.by_hand = lambda: case.host.change(case.idle, image=case.host.platform)
    return "wb-no-such-image:1"


@provokes("not-applied")
def change_the_label(case: Case) -> str:
    case.host.change(case.demo, label="Another name")
    return "Another name"


@provokes("drift")
def have_another_image_under_the_tag(case: Case) -> str:
    case.host.wb("run", case.demo)  # with nothing that is declared and not applied
    tag = case.host.entries[case.demo]["image"]
    repository, _, name = tag.partition(":")
    case.host.container(case.demo).commit(repository, name, changes="LABEL another=image")
    return "is another image now"


@provokes("checksums-off")
def have_no_checksums(case: Case) -> str:
    case.host.wb("stop", case.demo)
    case.host.client.containers.run(
        POSTGRES_IMAGE,
        ["--disable", "--pgdata", "/data"],
        entrypoint="pg_checksums",
        user="postgres",
        volumes={str(case.host.folder(case.demo) / DATABASES / PGDATA_NAME): {"bind": "/data"}},
        labels=dict([case.host.labels.split("=", 1)]),
        remove=True,
    )
    case.host.wb("run", case.demo)
    return case.demo


@provokes("password-drift")
def give_the_database_another_password(case: Case) -> str:
    change = "ALTER ROLE postgres PASSWORD 'somebody gave it another one'"
    case.host.wb("psql", case.demo, "postgres", "--", "-c", change)
    return "another password than the one that wb knows"


@provokes("part-down")
def stop_a_part(case: Case) -> str:
    case.host.container(f"{case.demo}-valkey").stop()
    return "valkey is exited"


@provokes("not-supervised")
def end_the_supervision(case: Case) -> str:
    case.host.container(f"{case.demo}-valkey").update(restart_policy={"Name": "no"})
    return "the engine does not start valkey again"


@provokes("restarts")
def kill_a_part_three_times(case: Case) -> str:
    killed: set[int] = set()

    def kill_what_is_new() -> bool:
        """Kill each process once: the engine may still list one that has ended."""
        seen = case.host.inspect(case.demo)
        pid = seen["State"]["Pid"]
        if len(killed) < 3 and pid and pid not in killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        return bool(seen["RestartCount"] >= 3 and seen["State"]["Running"])

    wait_until(kill_what_is_new, "three restarts")
    return "platform was started again"


# Containers


@provokes("left-over")
def leave_a_predecessor(case: Case) -> str:
    labels = case.host.inspect(f"{case.demo}-valkey")["Config"]["Labels"]
    case.created(f"{case.demo}-valkey-previous", labels)
    return "valkey has a container left over"


@provokes("undeclared")
def run_what_is_not_declared(case: Case) -> str:
    id_ = f"{case.idle}x"
    own, value = case.host.labels.split("=")
    network = case.host.client.networks.create(
        id_,
        labels={"wb.instance": id_, "wb.registry": str(case.host.servers_file), own: value},
    )

    def remove() -> None:
        for left in case.host.client.networks.list(ids=[network.id]):
            left.remove()

    case.stack.callback(remove)
    return id_


@provokes("name-taken")
def take_a_name(case: Case) -> str:
    made = case.created(f"{case.idle}-valkey", {})
    case.by_hand = made.remove
    return f"{case.idle}-valkey"


@provokes("log-unbounded")
def log_without_a_limit(case: Case) -> str:
    made = case.container()
    case.by_hand = lambda: made.remove(force=True)
    return str(made.name)


# The registry file and the settings


@provokes("registry-unreadable")
def cut_the_registry_file(case: Case) -> str:
    file = case.host.servers_file
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    case.by_hand = lambda: file.write_bytes(whole)
    return str(file)


@provokes("entry-refused")
def break_a_rule(case: Case) -> str:
    case.host.change(case.idle, port=str(case.host.port(case.idle)))
    return "the entry is refused: port"


@provokes("refused-runs")
def break_a_rule_of_what_runs(case: Case) -> str:
    case.host.change(case.demo, port=str(case.host.port(case.demo)))
    return "it runs, and its entry is refused: port"


@provokes("field-unknown")
def mistype_a_field(case: Case) -> str:
    case.host.change(case.idle, frnech=True)
    return "frnech"


@provokes("variable-overrides")
def set_what_wb_sets(case: Case) -> str:
    case.host.change(case.demo, env={"PG_HOST": "elsewhere"})
    return "PG_HOST"


@provokes("setting-overridden")
def override_a_setting(case: Case) -> str:
    config = case.host.root / "config" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text('domain = "a.example"\n')
    case.stack.callback(config.unlink)
    case.environ["DOMAIN"] = "b.example"
    return "DOMAIN"

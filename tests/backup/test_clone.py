"""wb clone: the data of one instance in another, and what is left where it is cut off."""

import json
import signal
import socket
from typing import NamedTuple

import pytest
from backup.site import Site
from support.json_answers import check
from support.services import wait_until
from support.wb_host import COMMAND_S, free_pair_of_ports

from wb_cli.errors import ExitCode

pytestmark = pytest.mark.backup

ROWS = "1000"


class Source(NamedTuple):
    """A running instance with 10 rows, and its backup of when it had 1,000."""

    id: str
    backup: str


@pytest.fixture(scope="module")
def source(shared_site: Site) -> Source:
    id_ = shared_site.start(tags=["field"], memory="300m")
    (shared_site.folder(id_) / "assets" / "map").write_text("mine")
    backup = shared_site.back_up(id_)
    shared_site.sql(id_, "delete from kept where n > 10")
    return Source(id_, backup)


@pytest.fixture
def new(source: Source) -> str:
    return f"{source.id}-new-{free_pair_of_ports()}"


def clone(site: Site, source: Source, new: str, *words: str, exits: int = 0) -> str:
    """Clone the backup to a port that is free, and give what was said."""
    return site.wb("clone", *describe(source, new), *words, exits=exits).stderr


def describe(source: Source, new: str) -> tuple[str, ...]:
    return (source.id, new, "--port", new.rpartition("-")[-1], "--at", source.backup)


def declared(site: Site) -> dict[str, dict[str, object]]:
    return {entry["id"]: entry for entry in json.loads(site.servers_file.read_text())}


def password(site: Site, id_: str) -> str:
    secrets = json.loads((site.root / "secrets" / f"{id_}.json").read_text())
    return str(secrets["postgresPassword"])


def opens(site: Site, id_: str, word: str) -> bool:
    ask = "psql -h $(hostname -i) -U postgres -wAtc 'select 1'"
    container = site.container(f"{id_}-postgres")
    return bool(container.exec_run(["sh", "-c", ask], environment={"PGPASSWORD": word})[0] == 0)


def remove(site: Site, id_: str) -> None:
    site.wb("stop", id_)
    site.wb("remove-dirs", id_, "--yes", "--forget-secrets")
    site.wb("config", "remove", id_, "--yes")


def left(site: Site, id_: str) -> list[str]:
    """What there is of an instance."""
    places = (site.folder(id_), site.root / "secrets" / f"{id_}.json")
    return [str(path) for path in places if path.exists()] + [id_] * (id_ in declared(site))


def test_a_clone_has_the_data_and_the_fields_and_secrets_of_its_own(
    shared_site: Site, source: Source, new: str
) -> None:
    clone(shared_site, source, new)
    assert shared_site.count(new) == ROWS
    assert shared_site.count(source.id) == "10"
    assert (shared_site.folder(new) / "assets" / "map").read_text() == "mine"
    entries = declared(shared_site)
    own = {"id", "label", "port"}
    assert {name: value for name, value in entries[new].items() if name not in own} == {
        name: value for name, value in entries[source.id].items() if name not in own
    }
    assert opens(shared_site, new, password(shared_site, new))
    assert not opens(shared_site, new, password(shared_site, source.id))
    assert shared_site.hidden(new) == set()
    remove(shared_site, new)
    assert left(shared_site, new) == []


def test_a_clone_of_now_has_what_was_written_since_the_last_backup_and_the_cache(
    shared_site: Site, source: Source, new: str
) -> None:
    shared_site.valkey(source.id, "set", "thing", "warm")
    shared_site.wb("clone", source.id, new, "--now", "--port", new.rpartition("-")[-1])
    assert shared_site.count(new) == "10"
    assert shared_site.valkey(new, "get", "thing") == "warm"
    remove(shared_site, new)


def test_a_dry_run_names_the_backup_and_the_port_and_leaves_nothing(
    shared_site: Site, source: Source, new: str
) -> None:
    port = free_pair_of_ports()
    answer = shared_site.json("clone", source.id, new, "--port", str(port), "--dry-run")
    check("clone", json.dumps(answer))
    (planned,) = answer["instances"]
    assert (planned["result"], planned["source"]) == ("planned", source.id)
    said = shared_site.wb("clone", source.id, new, "--port", str(port), "--dry-run").stdout
    assert f"on port {port}" in said
    assert left(shared_site, new) == []


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_port_that_is_taken_is_told_before_anything_is_fetched(
    shared_site: Site, source: Source, new: str, more: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", int(new.rpartition("-")[-1]))):
        said = clone(shared_site, source, new, *more, exits=ExitCode.FAILURE)
    assert "nothing is cloned: port" in said
    assert left(shared_site, new) == []


def test_an_id_that_is_taken_is_refused_and_nothing_changes(
    shared_site: Site, source: Source, new: str
) -> None:
    said = shared_site.wb("clone", source.id, source.id, exits=ExitCode.USAGE).stderr
    assert f"there is an instance {source.id} already" in said
    shared_site.folder(new).mkdir()
    assert "is there already" in clone(shared_site, source, new, exits=ExitCode.FAILURE)
    assert list(shared_site.folder(new).iterdir()) == []
    assert new not in declared(shared_site)
    shared_site.folder(new).rmdir()


def kill(site: Site, source: Source, new: str, moment: str) -> None:
    words = ("clone", *describe(source, new))
    done = site.launch("kill", moment, *words)
    assert done.returncode == -signal.SIGKILL, f"{moment} did not come: {done.stderr}"


@pytest.mark.parametrize("moment", ["before fetch databases", "amid password", "before in"])
def test_killed_before_its_data_is_there_a_clone_does_not_start_empty_and_begins_anew(
    shared_site: Site, source: Source, new: str, moment: str
) -> None:
    kill(shared_site, source, new, moment)
    wait_until(lambda: not shared_site.tasks(), "the containers of tasks are gone")
    said = shared_site.wb("run", new, exits=ExitCode.FAILURE).stderr
    assert f"`wb remove-dirs {new}`" in said.replace("\n", " ")
    assert "it begins anew" in clone(shared_site, source, new)
    assert shared_site.count(new) == ROWS
    remove(shared_site, new)


def test_a_clone_that_was_killed_can_be_given_up(
    shared_site: Site, source: Source, new: str
) -> None:
    kill(shared_site, source, new, "after fetch databases")
    other = ("clone", source.id, new, "--port", str(free_pair_of_ports()), "--dry-run")
    assert "was begun with the port" in shared_site.wb(*other, exits=ExitCode.USAGE).stderr
    remove(shared_site, new)
    assert left(shared_site, new) == []


@pytest.mark.parametrize("moment", ["amid in", "after in", "after start 2"])
def test_killed_with_its_data_in_place_a_clone_is_finished_by_run(
    shared_site: Site, source: Source, new: str, moment: str
) -> None:
    kill(shared_site, source, new, moment)
    wait_until(lambda: not shared_site.tasks(), "the containers of tasks are gone")
    if shared_site.ran("run", new).returncode:
        clone(shared_site, source, new)
    assert shared_site.count(new) == ROWS
    assert opens(shared_site, new, password(shared_site, new))
    assert shared_site.hidden(new) == set()
    remove(shared_site, new)


def test_a_clone_that_cannot_be_fetched_leaves_nothing(
    shared_site: Site, source: Source, new: str
) -> None:
    words = ("clone", *describe(source, new))
    with shared_site.started(*words) as process:
        wait_until((shared_site.folder(new) / ".restored").exists, "it is being fetched")
        process.send_signal(signal.SIGINT)
        process.wait(COMMAND_S)
    assert left(shared_site, new) == []

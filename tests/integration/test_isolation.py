"""Two instances on one engine: each reaches its own parts and no other parts."""

from collections.abc import Iterator

import pytest
from support.wb_host import Host

pytestmark = pytest.mark.engine
PARTS = ("-postgres", "-valkey", "")
PORTS = {"-postgres": 5432, "-valkey": 6379, "": 8000}
# The script runs in the platform's container, as code of other people runs there.
REACH = (
    "use IO::Socket::INET; my ($peer, $port) = @ARGV; "
    "IO::Socket::INET->new(PeerAddr => $peer, PeerPort => $port, Timeout => 2) "
    'or print("not reached: $@") and exit 1'
)
RESOLVE = (
    "use Socket; my $address = gethostbyname(shift) or print('unknown name') and exit 1; "
    'print inet_ntoa($address), "\\n"'
)


@pytest.fixture(scope="module")
def pair(shared_host: Host) -> Iterator[tuple[str, str]]:
    one, other = shared_host.prepare(tags=["pair"]), shared_host.prepare(tags=["pair"])
    shared_host.wb("run", "@pair")
    yield one, other
    shared_host.wb("stop", "@pair")
    assert shared_host.containers(one) + shared_host.containers(other) == []


def run_perl(host: Host, container: str, script: str, *arguments: object) -> tuple[int, str]:
    return host.execute(container, "perl", "-e", script, *map(str, arguments))


def read_address(host: Host, id_: str, part: str) -> str:
    networks = host.inspect(f"{id_}{part}")["NetworkSettings"]["Networks"]
    return str(networks[id_]["IPAddress"])


@pytest.mark.parametrize("part", PARTS, ids=["postgres", "valkey", "platform"])
def test_a_platform_reaches_its_own_parts_by_name(
    shared_host: Host, pair: tuple[str, str], part: str
) -> None:
    for id_ in pair:
        assert run_perl(shared_host, id_, RESOLVE, f"{id_}{part}") == (
            0,
            f"{read_address(shared_host, id_, part)}\n",
        )
        assert run_perl(shared_host, id_, REACH, f"{id_}{part}", PORTS[part])[0] == 0


@pytest.mark.parametrize("part", PARTS, ids=["postgres", "valkey", "platform"])
def test_a_platform_cannot_reach_the_other_s_parts_by_name_or_address(
    shared_host: Host, pair: tuple[str, str], part: str
) -> None:
    one, other = pair
    code, words = run_perl(shared_host, one, RESOLVE, f"{other}{part}")
    assert (code, words) == (1, "unknown name")
    there = read_address(shared_host, other, part)
    code, words = run_perl(shared_host, one, REACH, there, PORTS[part])
    assert code == 1
    assert words.startswith("not reached: ")


def test_each_instance_has_its_own_subnet_password_and_admin_token(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    subnets = {shared_host.networks(id_)[0].attrs["IPAM"]["Config"][0]["Subnet"] for id_ in pair}
    tokens = {
        variable
        for id_ in pair
        for variable in shared_host.inspect(id_)["Config"]["Env"]
        if variable.startswith(("WB_ADMIN_TOKEN=", "PG_PASSWORD="))
    }
    assert (len(subnets), len(tokens)) == (2, 4)


def test_a_stop_of_one_instance_does_not_touch_the_other(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    one, other = pair
    before = shared_host.state(other)
    shared_host.wb("stop", one)
    assert shared_host.containers(one) == []
    assert shared_host.state(other) == before
    shared_host.wb("run", "all")
    assert shared_host.state(other) == before


def test_selectors_choose_by_id_tag_version_and_all(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    shared_host.change(pair[1], serverVersion="1.7.0")
    chosen = {
        word: {
            instance["id"] for instance in shared_host.json("run", word, "--dry-run")["instances"]
        }
        for word in (pair[0], "@pair", "server=1.7.0", "all")
    }
    shared_host.change(pair[1], serverVersion="1.6.7")
    assert chosen == {
        pair[0]: {pair[0]},
        "@pair": set(pair),
        "server=1.7.0": {pair[1]},
        "all": set(pair),
    }


def test_several_selectors_choose_each_instance_once(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    ended = shared_host.json("run", pair[1], "@pair", "all", "--dry-run")["instances"]
    assert [instance["id"] for instance in ended] == sorted(pair)


def test_a_selector_that_matches_nothing_changes_nothing(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    before = shared_host.state(pair[0])
    for command in ("run", "stop", "restart"):
        assert "nowhere" in shared_host.wb(command, pair[0], "@nowhere", exits=2).stderr
    assert shared_host.state(pair[0]) == before


def test_status_shows_both_with_one_listing_of_the_engine(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    shown = shared_host.json("status")["instances"]
    assert [(entry["id"], entry["state"]) for entry in shown] == [
        (i, "running") for i in sorted(pair)
    ]
    for instance in shown:
        parts = {part["role"]: part for part in instance["containers"]}
        port = shared_host.port(instance["id"])
        assert {part["state"] for part in parts.values()} == {"healthy"}
        assert parts["platform"]["ports"] == [f"127.0.0.1:{port}"]
        assert parts["postgres"]["ports"] == [f"127.0.0.1:{port + 10_000}"]
        assert parts["valkey"]["ports"] == []
        assert parts["platform"]["container"] == instance["id"]
        assert parts["platform"]["startedAt"]


def test_status_as_a_table_names_every_container(shared_host: Host, pair: tuple[str, str]) -> None:
    lines = shared_host.wb("status", pair[0]).stdout.splitlines()
    assert lines[0].split() == ["ID", "STATE", "VERSION", "UPTIME", "URL"]
    url = f"http://127.0.0.1:{shared_host.port(pair[0])}"
    row = lines[1].split()
    assert (row[:3], row[4]) == ([pair[0], "running", "1.6.7"], url)
    assert lines[3].split() == ["CONTAINER", "STATE", "SINCE", "PORTS", "IMAGE", "DETAIL"]
    shown = [line.split()[:2] for line in lines[4:]]
    assert shown == [["postgres", "healthy"], ["valkey", "healthy"], ["platform", "healthy"]]


def test_status_shows_an_instance_that_only_the_engine_has(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    entry = shared_host.entries[pair[0]]
    shared_host.forget(pair[0])
    shown = {instance["id"]: instance for instance in shared_host.json("status")["instances"]}
    shared_host.declare(**entry)
    assert "is not in the registry file" in shown[pair[0]]["notes"][0]


def test_status_tells_stopped_exited_and_paused_apart(
    shared_host: Host, pair: tuple[str, str]
) -> None:
    one = pair[0]
    shared_host.container(f"{one}-valkey").stop()
    shared_host.container(f"{one}-postgres").pause()
    try:
        (shown,) = shared_host.json("status", one)["instances"]
    finally:
        shared_host.container(f"{one}-postgres").unpause()
        shared_host.wb("run", one)
    states = {part["role"]: part["state"] for part in shown["containers"]}
    assert (states["postgres"], states["valkey"], states["platform"]) == (
        "paused",
        "exited",
        "healthy",
    )
    assert shown["state"] == "broken"

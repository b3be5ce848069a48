"""The rules that an entry of the registry file must obey, without regard to other entries.

It covers entries.py and values.py.
"""

from typing import Any

import pytest
from instances.examples import entry

from wb_cli.instances.registry_file.entries import EntryError, parse_entry
from wb_cli.instances.registry_file.fields import FIELDS

GIB = 1024**3

BAD: list[tuple[dict[str, Any], str]] = [
    ({"id": None}, "id is missing"),
    ({"id": ""}, 'id "" must be 1 to 40 of a-z, 0-9 and inner hyphens'),
    ({"id": "Demo"}, 'id "Demo"'),
    ({"id": "a_b"}, 'id "a_b"'),
    ({"id": "-a"}, 'id "-a"'),
    ({"id": "a-"}, 'id "a-"'),
    ({"id": "a" * 41}, "id"),
    ({"id": "a\n"}, "id"),
    ({"id": "é"}, "id"),
    ({"id": "../x"}, "id"),
    ({"id": 7}, "id 7"),
    ({"id": ["a"]}, 'id ["a"]'),
    *[({"id": name}, "reserved") for name in ("host", "bridge", "none", "default", "all")],
    *[({"id": f"a-{part}"}, "does not end in") for part in ("postgres", "valkey", "admin")],
    ({"label": None}, "label is missing"),
    ({"label": " "}, 'label " " must be a line of text'),
    ({"label": "a\nb"}, "label"),
    ({"label": 1}, "label 1"),
    ({"port": None}, "port is missing"),
    ({"port": "9100"}, 'port "9100" must be a whole number from 1000 to 55535, without quotes'),
    ({"port": 999}, "port 999"),
    ({"port": 55536}, "port 55536"),
    ({"port": -9000}, "port -9000"),
    ({"port": 9000.0}, "port 9000.0"),
    ({"port": True}, "port true"),
    ({"port": 10**30}, "port 1000"),
    ({"serverVersion": None}, "serverVersion is missing"),
    ({"serverVersion": 1.6}, "serverVersion 1.6 must be a string"),
    ({"serverVersion": "1.6 beta"}, "serverVersion"),
    ({"serverVersion": "v/1"}, "serverVersion"),
    ({"serverVersion": ""}, "serverVersion"),
    ({"adminVersion": 2}, "adminVersion 2"),
    *[
        ({"instanceDir": text}, "stays below the mount path")
        for text in ("..", "../x", "a/../..", "a/../../b", "/etc", ".", "./", "~root", "a\0b")
    ],
    ({"instanceDir": 7}, "instanceDir 7"),
    ({"french": "true"}, 'french "true" must be true or false, without quotes'),
    ({"ethiopian": 1}, "ethiopian 1"),
    ({"openAccess": "no"}, 'openAccess "no"'),
    ({"tags": "west"}, 'tags "west" must be a list of words'),
    ({"tags": ["a", 1]}, "tags"),
    ({"tags": ["@a"]}, "tags"),
    ({"tags": [""]}, "tags"),
    ({"tags": [" a"]}, "tags"),
    ({"image": "no image"}, 'image "no image" must be an image reference'),
    ({"image": "-rm"}, "image"),
    ({"image": "a:b:c"}, "image"),
    ({"image": ""}, "image"),
    ({"image": "../x"}, "image"),
    ({"image": "a..b/x"}, "image"),
    ({"env": ["A=b"]}, "env must be an object"),
    ({"env": {"A": 1}}, "the value of A is not a string"),
    ({"env": {"A": "x\0y"}}, "the value of A holds a NUL character"),
    ({"env": {"A=B": "x"}}, "'A=B' cannot be a name"),
    ({"env": {"": "x"}}, "'' cannot be a name"),
    ({"env": {"A": "x\0"}}, "the value of A"),
    ({"bindAddress": "localhost"}, 'bindAddress "localhost" must be an IP address'),
    ({"bindAddress": "300.1.1.1"}, "bindAddress"),
    ({"bindAddress": "fe80::1%x; }"}, "bindAddress"),
    ({"nginxUpstream": "host.example.org"}, "must be the IP address of a machine"),
    ({"nginxUpstream": "10.0.0.5; root /"}, "nginxUpstream"),
    ({"nginxUpstream": "0.0.0.0"}, "nginxUpstream"),
    ({"nginxUpstream": "ff02::1"}, "nginxUpstream"),
    ({"nginxUpstream": 10}, "nginxUpstream 10"),
    ({"postgresBindAddress": 0}, "postgresBindAddress 0"),
    ({"dockerSocket": "yes"}, "dockerSocket"),
    ({"mountDatabases": 1}, "mountDatabases"),
    ({"pointInTime": "yes"}, "pointInTime"),
    ({"restart": "unless-stopped"}, 'restart "unless-stopped" must be "always" or "no"'),
    ({"restart": False}, "restart false"),
    ({"memory": "2 apples"}, 'memory "2 apples" must be a size'),
    ({"memory": "5m"}, "at least 6m"),
    ({"memory": -1}, "memory -1"),
    ({"memory": True}, "memory true"),
    ({"memory": 1e9}, "memory"),
    ({"memory": "٣g"}, "memory"),
    ({"cpus": "1"}, 'cpus "1" must be a number'),
    ({"cpus": 0}, "cpus 0"),
    ({"cpus": float("nan")}, "cpus"),
    ({"valkeyMaxMemory": "x"}, "valkeyMaxMemory"),
    *[({f"{part}Memory": "5m"}, "at least 6m") for part in ("postgres", "valkey", "admin")],
    *[({f"{part}Cpus": 0}, "0.01 to 1024") for part in ("postgres", "valkey", "admin")],
    ({"postgresImage": "postgres 17"}, 'postgresImage "postgres 17" must be an image reference'),
    ({"shmSize": "64"}, 'shmSize "64" must be a size'),
    ({"deployHours": "22-25"}, 'deployHours "22-25" must be as in 22-5'),
    ({"timezone": "Mars/Olympus"}, 'timezone "Mars/Olympus" must be a name of the time zone'),
    ({"priority": "high"}, 'priority "high" must be a whole number from -1000 to 1000'),
    ({"priority": 1001}, "priority 1001"),
    ({"priority": True}, "priority true"),
    ({"postgresSettings": "work_mem=16MB"}, "must be an object of names and values"),
    ({"postgresSettings": {"work_men": "16MB"}}, "Did you mean work_mem?"),
    ({"postgresSettings": {"port": 1}}, "port is no setting of PostgreSQL that wb knows. Known"),
    ({"postgresSettings": {"work_mem": "16"}}, 'postgresSettings.work_mem "16" must be a size'),
    ({"cachePersistence": "none"}, '"rdb" or "aof"'),
    ({"node": ""}, "node"),
    *[
        ({"host": text}, "must be ssh://[user@]host[:port][/path/of/docker.sock], or context:NAME")
        for text in (
            "",
            "far",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-x@far",
            "ssh://a b",
            "ssh://u:secret@far",
            "ssh://far:x",
            "tcp://far:2376",
            "unix:///run/docker.sock",
            "context:",
            "context:-a",
            7,
        )
    ],
]


@pytest.mark.parametrize(("change", "problem"), BAD, ids=lambda value: str(value)[:50])
def test_a_broken_rule_is_named_with_field_value_and_what_is_allowed(
    change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(EntryError) as caught:
        parse_entry(entry() | change)
    (only,) = caught.value.problems
    assert problem in only
    assert only.startswith(next(iter(change)))


@pytest.mark.parametrize("raw", [None, 7, "demo", [], True])
def test_a_value_that_is_no_object_is_refused(raw: Any) -> None:
    with pytest.raises(EntryError, match="must be a JSON object"):
        parse_entry(raw)


def test_every_broken_rule_of_an_entry_is_named_at_once() -> None:
    with pytest.raises(EntryError) as caught:
        parse_entry({"id": "Demo", "port": "9100", "restart": "maybe"})
    assert [text.split()[0] for text in caught.value.problems] == [
        "id", "label", "port", "serverVersion", "restart",
    ]  # fmt: skip


def test_no_message_shows_the_value_of_a_variable() -> None:
    with pytest.raises(EntryError) as caught:
        parse_entry(entry(env={"KEY": ["hush"]}))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [
        ({"id": "a"}, "id", "a"),
        ({"id": "0-9"}, "id", "0-9"),
        ({"id": "a" * 40}, "id", "a" * 40),
        ({"id": "hosts"}, "id", "hosts"),
        ({"id": "postgres"}, "id", "postgres"),
        ({"label": "Côte d'Ivoire"}, "label", "Côte d'Ivoire"),
        ({"port": 1000}, "port", 1000),
        ({"port": 55535}, "postgres_port", 65535),
        ({"adminVersion": ""}, "admin_version", None),
        ({"adminVersion": None}, "admin_version", None),
        ({"instanceDir": ""}, "folder", "demo"),
        ({"instanceDir": "west/./mali/"}, "folder", "west/mali"),
        ({"instanceDir": "..hidden"}, "folder", "..hidden"),
        ({"tags": ["a", "b", "a"]}, "tags", ("a", "b")),
        ({"image": "registry.org:5000/team/app:1.2"}, "image", "registry.org:5000/team/app:1.2"),
        ({"image": f"app@sha256:{'0' * 64}"}, "image", f"app@sha256:{'0' * 64}"),
        ({"image": "my--registry.org/app"}, "image", "my--registry.org/app"),
        ({"bindAddress": "::1"}, "bind_address", "::1"),
        ({"nginxUpstream": " FD00::05"}, "nginx_upstream", "fd00::5"),
        ({"memory": "2g"}, "memory", 2 * GIB),
        ({"memory": "512M"}, "memory", GIB // 2),
        ({"memory": "1GiB"}, "memory", GIB),
        ({"memory": GIB}, "memory", GIB),
        ({"cpus": 2}, "cpus", 2.0),
        ({"postgresCpus": 2}, "postgres_cpus", 2.0),
        ({"valkeyMemory": "2g"}, "valkey_memory", 2 * GIB),
        ({"deployHours": "22-5"}, "deploy_hours", "22-5"),
        ({"timezone": "Africa/Bamako"}, "timezone", "Africa/Bamako"),
        ({"priority": -5}, "priority", -5),
        (
            {"postgresSettings": {"work_mem": "16m", "max_connections": 200, "jit": False}},
            "postgres_settings",
            {"work_mem": "16MB", "max_connections": "200", "jit": "off"},
        ),
        ({"restart": "no"}, "restart", "no"),
        ({}, "host", None),
        ({"host": "ssh://root@Far:22"}, "host", "ssh://root@Far:22"),
        ({"host": " ssh://far/ "}, "host", "ssh://far"),
        ({"host": "ssh://far/var/run/docker.sock"}, "host", "ssh://far"),
        ({"host": "ssh://far/run/user/1/docker.sock"}, "host", "ssh://far/run/user/1/docker.sock"),
        ({"host": "ssh://[fd00::1]:22"}, "host", "ssh://[fd00::1]:22"),
        ({"host": "context:west-1"}, "host", "context:west-1"),
        ({"dockerSocket": False}, "docker_socket", False),
        ({"pointInTime": True}, "point_in_time", True),
        ({"env": {"A": ""}}, "env", {"A": ""}),
    ],
)
def test_a_valid_value_is_parsed_into_its_final_form(
    change: dict[str, Any], attribute: str, value: Any
) -> None:
    assert getattr(parse_entry(entry() | change), attribute) == value


def test_the_instance_keeps_the_entry_as_given() -> None:
    given = entry(memory="2g", somethingNew={"a": [1]})
    assert parse_entry(given).raw == given


def test_a_repr_shows_no_variables() -> None:
    assert "hush" not in repr(parse_entry(entry(env={"KEY": "hush"})))


def test_every_field_has_a_help_text_and_a_bad_value_to_try() -> None:
    assert all(field.help for field in FIELDS)
    tried = {name for change, _ in BAD for name in change}
    assert tried == {field.name for field in FIELDS}


def test_each_field_name_and_each_attribute_is_used_once() -> None:
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert len({field.attribute for field in FIELDS}) == len(FIELDS)

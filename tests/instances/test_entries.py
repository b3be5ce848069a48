"""The rules that an entry of the registry file must obey, without regard to other entries.

It covers entries.py and values.py.
"""

from typing import Any

import pytest
from instances.examples import entry

from wb_cli.instances.entries import FIELDS, EntryError, parse_entry

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
    *[({"id": f"a-{role}"}, "does not end in") for role in ("postgres", "valkey", "admin")],
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
    ({"env": ["A=b"]}, "env must be an object"),
    ({"env": {"A": 1}}, "the value of A is not a string"),
    ({"env": {"A": "x\0y"}}, "the value of A holds a NUL character"),
    ({"env": {"A=B": "x"}}, "'A=B' cannot be a name"),
    ({"env": {"": "x"}}, "'' cannot be a name"),
    ({"env": {"A": "x\0"}}, "the value of A"),
    ({"bindAddress": "localhost"}, 'bindAddress "localhost" must be an IP address'),
    ({"bindAddress": "300.1.1.1"}, "bindAddress"),
    ({"postgresBindAddress": 0}, "postgresBindAddress 0"),
    ({"dockerSocket": "yes"}, "dockerSocket"),
    ({"mountDatabases": 1}, "mountDatabases"),
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
    ({"cachePersistence": "none"}, '"rdb" or "aof"'),
    ({"node": ""}, "node"),
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
        ({"bindAddress": "::1"}, "bind_address", "::1"),
        ({"memory": "2g"}, "memory", 2 * GIB),
        ({"memory": "512M"}, "memory", GIB // 2),
        ({"memory": "1GiB"}, "memory", GIB),
        ({"memory": GIB}, "memory", GIB),
        ({"cpus": 2}, "cpus", 2.0),
        ({"restart": "no"}, "restart", "no"),
        ({"dockerSocket": False}, "docker_socket", False),
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

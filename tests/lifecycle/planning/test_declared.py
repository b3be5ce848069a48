"""Which fields and settings the operator declares for each part.

It covers the label of what is declared in desired.py, and its comparison in reconcile.py.
"""

from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import FIELD_CHANGES, SETTINGS, SUBNET, container, running, wanted
from msgspec.structs import replace

from wb_cli.contract import Role
from wb_cli.engine.types import LABEL_DECLARED, ContainerSpec
from wb_cli.instances.entries import FIELDS, FIELDS_BY_NAME
from wb_cli.instances.setting_table import SETTINGS as SETTING_TABLE
from wb_cli.instances.setting_table import SETTINGS_BY_NAME
from wb_cli.lifecycle.planning.desired import Desired
from wb_cli.lifecycle.planning.reconcile import plan_run
from wb_cli.secret import Secret

SETTING_CHANGES: dict[str, Any] = {
    "mount_path": Path("/other"),
    "domain": "example.org",
    "clerk_publishable_key": "a",
    "clerk_secret_key": "b",
    "anthropic_api_url": "c",
    "anthropic_api_key": "d",
    "postgres_image": "postgres:17.5",
    "valkey_image": "valkey/valkey:9",
    "platform_image": "wb-platform:{version}",
    "admin_image": "admin:{version}",
    "bind_address": "0.0.0.0",
    "postgres_bind_address": "0.0.0.0",
    "valkey_max_memory": 2**31,
    "cache_persistence": "aof",
}
# The settings that concern no part: another value, and the reason why no container changes.
OTHER_SETTINGS: dict[str, tuple[Any, str]] = {
    "servers_file": (Path("/other/servers.json"), "a label says which file it is"),
    "secrets_dir": (Path("/other/secrets"), "the secrets count, not where they lie"),
    "sites_available": (Path("/other"), "nginx is no container of an instance"),
    "sites_enabled": (Path("/other"), "nginx is no container of an instance"),
    "postgres_password": (Secret("x"), "it counts as what the platform connects with"),
    "pg_password": (Secret("x"), "it counts as what the platform connects with"),
    "pull_images": (("redis:7",), "only `wb pull` reads it"),
    "mirror": ("mirror.example.org", "an image has the same name wherever it comes from"),
    "subnet_pool": ("10.1.0.0/16", "it is for networks that are made"),
    "subnet_prefix": (24, "it is for networks that are made"),
    "labels": ({"team": "data"}, "a label is no reason to replace a container"),
}
BEFORE = wanted(admin_version="2.0")


def with_setting(name: str, value: Any) -> Desired:
    setting = SETTINGS_BY_NAME[name]
    change = {setting.env: Secret(value)} if setting.is_passed_on else value
    settings = replace(SETTINGS, **{"passed_on" if setting.is_passed_on else name: change})
    return wanted(settings=settings, admin_version="2.0")


def parts_that_differ(after: Desired, what: Any) -> set[Role]:
    pairs = zip(BEFORE.containers, after.containers, strict=True)
    return {old.role for old, new in pairs if what(old) != what(new)}


def declared(spec: ContainerSpec) -> str:
    return spec.labels[LABEL_DECLARED]


def looks(spec: ContainerSpec) -> ContainerSpec:
    return replace(spec, labels={})


def check_that_run_acts_on(parts: tuple[Role, ...], after: Desired) -> None:
    assert parts_that_differ(after, declared) == set(parts)
    assert parts_that_differ(after, looks) == set(parts)
    lanes = plan_run(after, running(BEFORE), SUBNET).lanes
    acted_on = {role for lane in lanes for role in Role if role in lane.subject.split()}
    assert acted_on == set(parts)


def test_every_field_and_every_setting_has_a_change_to_try() -> None:
    assert set(FIELD_CHANGES) == {field.name for field in FIELDS}
    assert {*SETTING_CHANGES, *OTHER_SETTINGS} == {setting.name for setting in SETTING_TABLE}


@pytest.mark.parametrize("name", [name for name in FIELD_CHANGES if name != "id"])
def test_a_changed_field_is_declared_and_applied_for_just_its_parts(name: str) -> None:
    field = FIELDS_BY_NAME[name]
    changes = {"admin_version": "2.0", field.attribute: FIELD_CHANGES[name]}
    check_that_run_acts_on(field.parts, wanted(**changes))


def test_another_id_is_declared_for_every_part() -> None:
    after = wanted(id="mali", admin_version="2.0")
    assert parts_that_differ(after, declared) == set(FIELDS_BY_NAME["id"].parts) == set(Role)


@pytest.mark.parametrize("name", SETTING_CHANGES)
def test_a_changed_setting_is_declared_and_applied_for_just_its_parts(name: str) -> None:
    parts = SETTINGS_BY_NAME[name].parts
    assert parts
    check_that_run_acts_on(parts, with_setting(name, SETTING_CHANGES[name]))


@pytest.mark.parametrize("name", OTHER_SETTINGS)
def test_a_setting_that_concerns_no_part_changes_none(name: str) -> None:
    assert SETTINGS_BY_NAME[name].parts == ()
    check_that_run_acts_on((), with_setting(name, OTHER_SETTINGS[name][0]))


def test_a_setting_changes_nothing_for_an_instance_with_a_value_of_its_own() -> None:
    own: dict[str, Any] = {"valkey_max_memory": 2**26, "bind_address": "10.0.0.1"}
    settings = replace(SETTINGS, valkey_max_memory=2**31, bind_address="0.0.0.0")
    before, after = wanted(**own), wanted(settings=settings, **own)
    assert list(map(declared, before.containers)) == list(map(declared, after.containers))


def test_another_release_s_digest_of_the_same_declaration_replaces_nothing() -> None:
    older = [
        container(spec, labels={**container(spec).labels, LABEL_DECLARED: "another formula"})
        for spec in BEFORE.containers
    ]
    assert str(plan_run(BEFORE, running(BEFORE, *older), SUBNET)) == "nothing to do"

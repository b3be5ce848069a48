"""Which fields and settings the operator declares for each part.

It covers the label of what is declared in desired.py, and its comparison in reconcile.py.
"""

from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import FIELD_CHANGES, SETTINGS, SUBNET, container, running, wanted
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import LABEL_DECLARED, ContainerSpec
from wb_cli.instances.host_settings.table import SETTINGS as SETTING_TABLE
from wb_cli.instances.host_settings.table import SETTINGS_BY_NAME
from wb_cli.instances.registry_file.fields import FIELDS, FIELDS_BY_NAME
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
    "shm_size": 2**29,
    "postgres_settings": {"work_mem": "16MB"},
    "log_max_size": 2**20,
    "log_max_files": 5,
}
# The settings that concern no part: another value, and the reason why no container changes.
OTHER_SETTINGS: dict[str, tuple[Any, str]] = {
    "servers_file": (Path("/other/servers.json"), "a label says which file it is"),
    "secrets_dir": (Path("/other/secrets"), "the secrets count, not where they lie"),
    "sites_available": (Path("/other"), "nginx is no container of an instance"),
    "sites_enabled": (Path("/other"), "nginx is no container of an instance"),
    "nginx_command": ("/opt/nginx", "nginx is no container of an instance"),
    "nginx_http": (("8080",), "nginx is no container of an instance"),
    "nginx_https": (("8443",), "nginx is no container of an instance"),
    "nginx_max_body": (2**20, "nginx is no container of an instance"),
    "nginx_timeout": (60, "nginx is no container of an instance"),
    "nginx_upstream": ("10.0.0.5", "nginx is no container of an instance"),
    "nginx_forward": (("metrics",), "nginx is no container of an instance"),
    "acme_webroot": (Path("/other"), "nginx is no container of an instance"),
    "acme_server": ("https://ca/dir", "certificates are nginx's"),
    "acme_ca_file": (Path("/other"), "certificates are nginx's"),
    "acme_email": ("none", "certificates are nginx's"),
    "certificates_per_week": (9, "certificates are nginx's"),
    "certbot": ("/opt/certbot", "certificates are nginx's"),
    "certbot_config_dir": (Path("/other"), "certificates are nginx's"),
    "certbot_work_dir": (Path("/other"), "certificates are nginx's"),
    "certbot_logs_dir": (Path("/other"), "certificates are nginx's"),
    "dns_plugin": ("cloudflare", "certificates are nginx's"),
    "dns_credentials": (Path("/other"), "certificates are nginx's"),
    "dns_auth_hook": (Path("/other"), "certificates are nginx's"),
    "dns_cleanup_hook": (Path("/other"), "certificates are nginx's"),
    "backup_repository": ("/other", "a backup is no part of an instance"),
    "backup_copies": (("/third",), "a backup is no part of an instance"),
    "backup_key": (Secret("x"), "a backup is no part of an instance"),
    "aws_access_key_id": (Secret("x"), "a backup is no part of an instance"),
    "aws_secret_access_key": (Secret("x"), "a backup is no part of an instance"),
    "aws_session_token": (Secret("x"), "a backup is no part of an instance"),
    "aws_default_region": (Secret("x"), "a backup is no part of an instance"),
    "restic_rest_username": (Secret("x"), "a backup is no part of an instance"),
    "restic_rest_password": (Secret("x"), "a backup is no part of an instance"),
    "backup_ssh_key": (Path("/other"), "a backup is no part of an instance"),
    "backup_known_hosts": (Path("/other"), "a backup is no part of an instance"),
    "backup_full_every": (30, "a backup is no part of an instance"),
    "backup_leave_out": (("assets",), "a backup is no part of an instance"),
    "backup_cache": (True, "a backup is no part of an instance"),
    "backup_limit_upload": (2**20, "a backup is no part of an instance"),
    "backup_limit_read": (2**20, "a backup is no part of an instance"),
    "backup_priority": ("idle", "a backup is no part of an instance"),
    "backup_processors": (1, "a backup is no part of an instance"),
    "restic_image": ("restic:1", "a backup is no part of an instance"),
    "backup_keep_last": (9, "a backup is no part of an instance"),
    "backup_keep_daily": (9, "a backup is no part of an instance"),
    "backup_keep_weekly": (9, "a backup is no part of an instance"),
    "backup_keep_monthly": (9, "a backup is no part of an instance"),
    "backup_keep_wal_days": (9, "a backup is no part of an instance"),
    "backup_proof_disk": (2**30, "a backup is no part of an instance"),
    "backup_hook": ("true", "a backup is no part of an instance"),
    "postgres_password": (Secret("x"), "it counts as what the platform connects with"),
    "pg_password": (Secret("x"), "it counts as what the platform connects with"),
    "pull_images": (("redis:7",), "only `wb pull` reads it"),
    "platform_check": ("true", "only `wb upgrade` reads it"),
    "mirror": ("mirror.example.org", "an image has the same name wherever it comes from"),
    "subnet_pool": ("10.1.0.0/16", "it is for networks that are made"),
    "subnet_prefix": (24, "it is for networks that are made"),
    "host_timeout": (9, "only commands over several hosts wait for them"),
    "labels": ({"team": "data"}, "a label is no reason to replace a container"),
}
EVERY_PART: dict[str, Any] = {"admin_version": "2.0", "point_in_time": True}
BEFORE = wanted(**EVERY_PART)


def with_setting(name: str, value: Any) -> Desired:
    setting = SETTINGS_BY_NAME[name]
    change = {setting.env: Secret(value)} if setting.is_passed_on else value
    settings = replace(SETTINGS, **{"passed_on" if setting.is_passed_on else name: change})
    return wanted(settings=settings, **EVERY_PART)


def parts_that_differ(after: Desired, what: Any) -> set[Part]:
    pairs = zip(BEFORE.containers, after.containers, strict=True)
    return {old.part for old, new in pairs if what(old) != what(new)}


def declared(spec: ContainerSpec) -> str:
    return spec.labels[LABEL_DECLARED]


def looks(spec: ContainerSpec) -> ContainerSpec:
    return replace(spec, labels={})


def check_that_run_acts_on(parts: tuple[Part, ...], after: Desired) -> None:
    assert parts_that_differ(after, declared) == set(parts)
    assert parts_that_differ(after, looks) == set(parts)
    lanes = plan_run(after, running(BEFORE), SUBNET).lanes
    acted_on = {part for lane in lanes for part in Part if part in lane.subject.split()}
    assert acted_on == set(parts)


def test_every_field_and_every_setting_has_a_change_to_try() -> None:
    assert set(FIELD_CHANGES) == {field.name for field in FIELDS}
    assert {*SETTING_CHANGES, *OTHER_SETTINGS} == {setting.name for setting in SETTING_TABLE}


@pytest.mark.parametrize(
    "name", [name for name in FIELD_CHANGES if name not in {"id", "pointInTime"}]
)
def test_a_changed_field_is_declared_and_applied_for_just_its_parts(name: str) -> None:
    field = FIELDS_BY_NAME[name]
    changes = EVERY_PART | {field.attribute: FIELD_CHANGES[name]}
    check_that_run_acts_on(field.parts, wanted(**changes))


def test_a_point_in_time_is_declared_and_applied_for_just_its_parts() -> None:
    before = wanted(admin_version="2.0")
    added = str(plan_run(BEFORE, running(before), SUBNET))
    assert "postgres: mounts with /mnt/demo/wal/socket:/var/run/postgresql" in added
    assert "  create demo-wal from" in added
    removed = str(plan_run(before, running(BEFORE), SUBNET))
    assert "demo-wal: no longer declared" in removed
    for text in (added, removed):
        assert "demo-valkey" not in text
        assert "create demo from" not in text


def test_another_id_is_declared_for_every_part() -> None:
    after = wanted(**EVERY_PART | {"id": "mali"})
    assert parts_that_differ(after, declared) == set(FIELDS_BY_NAME["id"].parts) == set(Part)


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


def test_a_host_wide_setting_of_postgresql_counts_unless_the_instance_has_its_own() -> None:
    host = replace(SETTINGS, postgres_settings={"work_mem": "16MB", "jit": "off"})
    other = replace(SETTINGS, postgres_settings={"work_mem": "32MB", "jit": "off"})
    own: dict[str, Any] = {"postgres_settings": {"work_mem": "64MB"}}
    assert wanted(settings=host, **own) == wanted(settings=other, **own)
    assert declared(wanted(settings=host).containers[0]) != declared(
        wanted(settings=other).containers[0]
    )
    command = wanted(settings=host, **own).containers[0].command
    assert command == ("postgres", "-c", "jit=off", "-c", "work_mem=64MB")


def test_an_instance_that_an_earlier_release_started_looks_declared_as_before() -> None:
    """The first release of wb wrote these. Fields and settings that came later are not in them."""
    before = wanted(admin_version="2.0")
    assert list(map(declared, before.containers)) == [
        "6f9adbec2ef8973f", "c5ac4906269f45fe", "80efabf67311c010", "902c36181b129b32",
    ]  # fmt: skip


def test_another_release_s_digest_of_the_same_declaration_replaces_nothing() -> None:
    older = [
        container(spec, labels={**container(spec).labels, LABEL_DECLARED: "another formula"})
        for spec in BEFORE.containers
    ]
    assert str(plan_run(BEFORE, running(BEFORE, *older), SUBNET)) == "nothing to do"

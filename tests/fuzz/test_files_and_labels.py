"""Whatever stands in a file, a label or a tag: wb reads it, or says in an error what is wrong.

The texts are true ones with a piece changed, so that they get past the first check, and JSON of any
shape. Nothing but an error that names the remedy may come of them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lifecycle.examples import DEMO, KEY, running, wanted
from msgspec.structs import replace

from wb_cli.backup import manifest
from wb_cli.backup.snapshots import Snapshot, choose_for_trial, find_backups, find_orphans
from wb_cli.edge.text import as_comment, as_html, quote
from wb_cli.errors import WbError
from wb_cli.instances.host_settings import dotenv
from wb_cli.instances.host_settings import settings as host_settings
from wb_cli.instances.host_settings.table import SETTINGS as TABLE
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.instances.registry_file.store import RegistryFile
from wb_cli.instances.secrets import SecretStore
from wb_cli.instances.selectors import select
from wb_cli.lifecycle.guard.lock import Holder
from wb_cli.lifecycle.planning.fingerprint import describe_differences, fingerprint, parse
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run
from wb_cli.lifecycle.record import backup_record, history, kept_plans
from wb_cli.upgrade.attempts import Attempts

MANY = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["", "demo", "@field", "all", "server=", "on=", "../..", "a\nb", "$(id)", "\x00", "é", "1e999"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
DEEP = b"[" * 100_000
BAD_UTF8 = b'{"id": "\xff", "instance": "\xff", "adminToken": "\xff"}'


@st.composite
def changed(draw: st.DrawFn, true: bytes) -> bytes:
    """A true file with some bytes cut out and others put in."""
    start = draw(st.integers(0, len(true)))
    end = draw(st.integers(start, min(len(true), start + 20)))
    return true[:start] + draw(st.binary(max_size=8)) + true[end:]


def contents(true: bytes) -> st.SearchStrategy[bytes]:
    return (
        changed(true)
        | st.binary(max_size=60)
        | VALUES.map(lambda value: json.dumps(value).encode())
    )


ENTRY = json.dumps([{"id": "demo", "label": "Demo", "port": 9000, "serverVersion": "1.0"}]).encode()
SECRETS = b'{"adminToken": "a", "postgresPassword": "b", "environment": {"KEY": "c"}}'
MANIFEST = manifest.render(
    manifest.Manifest(
        instance="demo", snapshot="1a2b", began="2026-01-01T00:00:00Z",
        ended="2026-01-01T00:01:00Z",
        wb="0.1.0", postgres="17.4", images={"postgres": "postgres:17"}, wal_position="0/1",
        databases=(manifest.Database("main", (manifest.Table("public.a", 1, was_written=False),)),),
        folders=("assets",), files=1, bytes=2, added_bytes=3,
    )
)  # fmt: skip
PLANS = b'{"format": 1, "wb": "x", "made": "", "registry": "", "verb": "run", "plans": []}'
VERSION = b'{"id": "a", "serverVersion": "1", "ownImage": "", "reference": "i:1"}'
ATTEMPT = b'[{"before": %b, "after": %b, "began": "2026-01-01T00:00:00Z"}]' % (VERSION, VERSION)
RECORD = b'{"repository": "/r", "looked": "2026-01-01T00:00:00Z", "backups": {}}'


def read_registry(path: Path) -> None:
    for instance in RegistryFile(path).read().instances:
        select([instance.id], Registry((instance,)))


def read_secrets(path: Path) -> None:
    SecretStore(path.parent).read(path.stem)


def read_attempts(path: Path) -> None:
    target = path.parent / "upgrades" / "demo.json"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(path.read_bytes())
    Attempts(path.parent / "servers.json", "demo").read()


def read_env(path: Path) -> None:
    dotenv.read(path)


FILES: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "registry": (ENTRY, read_registry),
    "secrets": (SECRETS, read_secrets),
    "manifest": (MANIFEST, lambda path: manifest.parse(path.read_bytes(), "here")),
    "plans": (PLANS, lambda path: kept_plans.read(path, "")),
    "attempts": (ATTEMPT, read_attempts),
    "record of backups": (RECORD, backup_record.read_record),
    "history": (b'{"id": "1", "began": "2026-01-01T00:00:00Z"}\n', history.read_lines),
    "env": (b"DOMAIN=example.org\nexport A='b'\n", read_env),
}


@pytest.mark.parametrize("kind", FILES)
@MANY
@given(data=st.data())
def test_a_file_is_read_or_refused(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    true, read = FILES[kind]
    read_or_refuse(read, tmp_path / "file.json", data.draw(contents(true)))


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("content", [DEEP, BAD_UTF8, b"\xff\xfe", b"{}", b"[{}]", b'"\\ud800"'])
def test_a_hostile_file_is_read_or_refused(kind: str, content: bytes, tmp_path: Path) -> None:
    read_or_refuse(FILES[kind][1], tmp_path / "file.json", content)


def read_or_refuse(read: Callable[[Path], Any], path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        read(path)
    except WbError as error:
        assert error.message  # noqa: PT017  (it is not said that an error must come)


@pytest.mark.parametrize("kind", FILES)
def test_the_true_file_is_no_error(kind: str, tmp_path: Path) -> None:
    true, read = FILES[kind]
    if kind != "plans":  # they are another wb's
        (tmp_path / "file.json").write_bytes(true)
        read(tmp_path / "file.json")


@MANY
@given(label=TEXTS | VALUES.map(json.dumps))
@example(label=DEEP.decode())
@example(label='{"image": 1, "DOMAIN": {"a": []}}')
def test_any_label_of_a_container_is_compared(label: str) -> None:
    desired = wanted()
    current = running(desired)
    hostile = tuple(
        replace(each, labels={**each.labels, "wb.spec": label, "wb.declared": label})
        for each in current.containers
    )
    for planner in (plan_run, plan_restart):
        planner(desired, replace(current, containers=hostile), "10.0.0.0/29").as_document()
    describe_differences(parse(label), fingerprint(desired.containers[0], KEY))


NAMES = ["instance", "of", "seconds", "verdict", "base", "wal"]
TAGS = st.lists(
    st.sampled_from(["wb", "data", "manifest", "proof"])
    | st.builds("{}={}".format, st.sampled_from(NAMES), TEXTS),
    max_size=6,
).map(tuple)


@MANY
@given(st.lists(st.builds(Snapshot, TEXTS, TEXTS, TAGS, TEXTS), max_size=6))
def test_any_tags_of_snapshots_are_read(snapshots: list[Snapshot]) -> None:
    choose_for_trial(find_backups(snapshots))
    find_orphans(snapshots)


@MANY
@given(words=st.lists(TEXTS, max_size=3))
def test_any_selector_selects_or_is_refused(words: list[str]) -> None:
    try:
        selection = select(words, Registry((DEMO,)))
    except WbError as error:
        assert error.hint or error.message  # noqa: PT017
    else:
        assert {each.id for each in selection.instances} <= {DEMO.id}


@MANY
@given(name=st.sampled_from([each.name for each in TABLE]), value=TEXTS)
def test_any_value_of_a_setting_is_taken_or_refused_by_its_name(
    name: str, value: str, tmp_path: Path
) -> None:
    environ = {"WB_CONFIG_DIR": str(tmp_path), "HOME": str(tmp_path)}
    try:
        host_settings.load({name: value}, environ)
    except WbError as error:
        assert error.message  # noqa: PT017


@MANY
@given(value=TEXTS)
def test_no_value_leaves_its_word_in_a_file_of_nginx(value: str) -> None:
    assert "\n" not in as_comment(value)
    assert not set(as_html(value)) & set('<>"$\\{}\n')
    try:
        quoted = quote(value)
    except WbError:
        return
    assert "\n" not in quoted
    if quoted == value:
        assert not set(value) & set(' ;{}"$\\')
    else:
        inside = quoted[1:-1].replace("\\\\", "").replace('\\"', "")
        assert '"' not in inside
        assert not inside.endswith("\\")


@MANY
@given(since=TEXTS)
def test_any_moment_in_a_lock_is_a_time_or_unknown(since: str) -> None:
    began = Holder(since=since).began
    assert began is None or isinstance(began, float)

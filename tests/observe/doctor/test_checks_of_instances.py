"""What the checks say of instances, where several things could be said."""

from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import DEMO, SETTINGS, container, spec_of, wanted
from msgspec.structs import replace
from observe.doctor.on_paper import KNOWN, WELL, machine

from wb_cli.contract import DATABASES, EXPORTS, Part
from wb_cli.engine.types import ContainerDetail, Observed, ObservedContainer, Port, State
from wb_cli.host.folders import Access, FolderProblem, Place
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.text import Entry
from wb_cli.observe.doctor.checks.paths import write_path
from wb_cli.observe.doctor.facts import Facts, Folder, Known
from wb_cli.observe.doctor.finding import Finding, Severity
from wb_cli.observe.doctor.table import examine

PLATFORM, VALKEY = (container(spec_of(wanted(), name)) for name in ("demo", "demo-valkey"))


def only(code: str, facts: Facts) -> Finding:
    (finding,) = (finding for finding in examine(facts) if finding.code == code)
    return finding


def running(*changed: ObservedContainer) -> Facts:
    """The well machine with some containers in the place of those of their names, or besides."""
    containers = {each.name: each for each in (*WELL.observed.containers, *changed)}
    return replace(WELL, observed=Observed(tuple(containers.values())))


def detail(of: ObservedContainer, **changes: Any) -> dict[str, ContainerDetail]:
    well = ContainerDetail(of.id, of.name, State.RUNNING, 0, "", "always")
    return {of.id: replace(well, **changes)}


def with_folder(name: str = DATABASES, known: Known = KNOWN, **facts: Any) -> Known:
    path = str(SETTINGS.mount_path / known.instance.id / name)
    folder = Folder(name, path, facts.pop("problem", None), Place(path, None), **facts)
    return replace(known, folders=(folder,))


def test_a_port_beyond_what_is_declared_is_a_warning() -> None:
    open_ = replace(PLATFORM, ports=(Port(8000, 9001, "0.0.0.0"),))
    finding = only("exposed", running(open_))
    assert finding.what == "platform is published on 0.0.0.0, which is not declared"
    assert finding.commands == ("wb restart demo",)


@pytest.mark.parametrize(
    ("field", "severity"),
    [("bind_address", Severity.NOTICE), ("postgres_bind_address", Severity.WARNING)],
)
def test_an_address_of_the_settings_is_closed_per_instance_or_for_all(
    field: str, severity: Severity
) -> None:
    finding = only("exposed", replace(WELL, settings=replace(SETTINGS, **{field: "10.0.0.1"})))
    assert finding.severity is severity
    assert "=127.0.0.1 && wb run demo" in finding.commands[0]
    assert finding.hint == f"Or for all: {field} in the settings."


def test_a_missing_valkey_degrades_and_a_missing_platform_is_critical() -> None:
    without = [c for c in WELL.observed.containers if c.part is not Part.VALKEY]
    finding = only("part-down", replace(WELL, observed=Observed(tuple(without))))
    assert (finding.severity, finding.what) == (Severity.WARNING, "valkey is not there")
    finding = only("part-down", running(replace(PLATFORM, state=State.RESTARTING)))
    assert (finding.severity, finding.what) == (Severity.CRITICAL, "platform is restarting")
    assert finding.hint == "`wb logs demo --part platform` has what it said."


def test_an_instance_that_is_stopped_has_no_part_that_is_down() -> None:
    assert "part-down" not in {f.code for f in examine(replace(WELL, observed=Observed()))}


def test_restarts_for_want_of_memory_are_told_so() -> None:
    facts = replace(WELL, details=detail(PLATFORM, restart_count=4, oom_killed=True))
    what = "platform was started again 4 times (its memory was used up)"
    assert only("restarts", facts).what == what


def test_a_left_over_that_runs_is_worse_than_one_that_does_not() -> None:
    old = replace(VALKEY, id="old", name="demo-valkey-previous", state=State.EXITED)
    assert only("left-over", running(old)).severity is Severity.NOTICE
    runs = only("left-over", running(replace(old, state=State.RUNNING)))
    assert (runs.severity, runs.what.endswith("which runs")) == (Severity.WARNING, True)


def test_an_unbounded_log_of_wb_s_own_is_mended_by_a_restart() -> None:
    facts = replace(WELL, details=detail(PLATFORM, is_log_unbounded=True))
    assert only("log-unbounded", facts).commands == ("wb restart demo",)


def test_what_belongs_to_another_registry_file_is_not_undeclared() -> None:
    labels = {**VALKEY.labels, "wb.instance": "mali", "wb.registry": "/else.json"}
    mali = replace(VALKEY, id="m", name="mali-valkey", labels=labels)
    assert "undeclared" not in {finding.code for finding in examine(running(mali))}
    ours = replace(mali, labels={**labels, "wb.registry": VALKEY.labels["wb.registry"]})
    assert only("undeclared", running(ours)).commands == ("wb stop mali",)


def test_an_unreadable_registry_file_makes_nothing_undeclared() -> None:
    from wb_cli.errors import UsageError

    facts = replace(WELL, registry=Registry(), known=(), registry_error=UsageError("cut"))
    assert "undeclared" not in {finding.code for finding in examine(facts)}


def test_an_entry_without_a_usable_id_is_named_by_its_place() -> None:
    registry = judge([Entry({"label": "x"}, '{"label": "x"}', line=3)])
    finding = only("entry-refused", replace(WELL, registry=registry, refused=registry.refused))
    assert finding.subjects == ("line 3 (an entry)",)
    assert finding.commands == ("wb config edit",)
    assert "line 3" in finding.hint


def test_a_container_that_only_claims_a_folder_is_removed() -> None:
    writer = replace(VALKEY, name="other", labels={}, state=State.CREATED)
    facts = replace(WELL, known=(with_folder(writers=(writer,)),))
    finding = only("folder-claimed", facts)
    assert (finding.severity, finding.commands) == (Severity.WARNING, ("docker rm other",))


@pytest.mark.parametrize("problem", [FolderProblem.NOT_A_FOLDER, FolderProblem.UNREADABLE])
def test_a_folder_that_is_something_else_is_to_be_looked_at(problem: FolderProblem) -> None:
    finding = only("folder-missing", replace(WELL, known=(with_folder(problem=problem),)))
    assert finding.what == f"its folder databases {problem}"
    assert finding.commands == ("ls -ld /mnt/demo/databases",)


def test_an_open_sandbox_is_meant_so() -> None:
    open_ = Access("/mnt/demo/sandbox", 0o777, 0)
    facts = replace(WELL, known=(with_folder("sandbox", access=open_),))
    assert "folder-open" not in {finding.code for finding in examine(facts)}


def test_what_root_or_the_operator_owns_is_well_owned() -> None:
    facts = replace(machine(owned=(Access("/mnt", 0o755, 0), Access("/x", 0o644, 7))), user=7)
    assert "folder-owner" not in {finding.code for finding in examine(facts)}
    finding = only("folder-owner", replace(facts, user=8))
    assert finding.commands == ("chown root: /x",)


@pytest.mark.parametrize("policy", ["no", "on-failure", "unless-stopped"])
def test_a_part_that_runs_without_supervision_is_told(policy: str) -> None:
    facts = replace(WELL, details=detail(VALKEY, restart_policy=policy))
    assert only("not-supervised", facts).what == "the engine does not start valkey again"


def test_what_is_supervised_or_declared_to_run_once_is_well() -> None:
    once = replace(KNOWN, instance=replace(DEMO, restart="no"))
    for facts in (
        replace(WELL, details=detail(VALKEY)),
        replace(WELL, details=detail(VALKEY, restart_policy="no"), known=(once,)),
    ):
        assert "not-supervised" not in {finding.code for finding in examine(facts)}
    platform = replace(WELL, details=detail(PLATFORM, restart_policy="no"), known=(once,))
    assert only("not-supervised", platform)


def test_an_open_mount_path_is_the_machine_s() -> None:
    facts = machine(owned=(Access("/mnt", 0o777, 0),))
    assert only("folder-open", facts).commands == ("chmod o-w /mnt",)


@pytest.mark.parametrize(
    ("problem", "registry", "severity", "command"),
    [
        (FolderProblem.MISSING, WELL.registry, Severity.CRITICAL, "mount /mnt"),
        (FolderProblem.UNREADABLE, WELL.registry, Severity.CRITICAL, "ls -ld /mnt"),
        (FolderProblem.MISSING, Registry(), Severity.NOTICE, "wb setup"),
    ],
)
def test_the_mount_path_of_a_new_machine_is_not_yet_there(
    problem: FolderProblem, registry: Registry, severity: Severity, command: str
) -> None:
    finding = only("mount-path", replace(machine(mount_path=problem), registry=registry))
    assert (finding.severity, finding.commands) == (severity, (command,))


def test_the_same_command_is_right_for_all_whose_folder_has_their_id() -> None:
    assert write_path(DEMO, WELL, EXPORTS) == "/mnt/{id}/exports"
    assert write_path(replace(DEMO, instance_dir="a/b"), WELL, EXPORTS) == "/mnt/a/b/exports"
    spaced = replace(WELL, settings=replace(SETTINGS, mount_path=Path("/my disk")))
    assert write_path(DEMO, spaced, EXPORTS) == "'/my disk/demo/exports'"


def test_a_pool_is_full_before_every_instance_has_a_network() -> None:
    others = tuple(replace(DEMO, id=f"c{number}") for number in range(4))
    settings = replace(SETTINGS, subnet_pool="10.9.0.0/24", subnet_prefix=26)
    facts = replace(WELL, settings=settings, registry=Registry(others))
    assert "pool-full" not in {finding.code for finding in examine(facts)}
    facts = replace(facts, registry=Registry((*others, DEMO)))
    assert only("pool-full", facts).severity is Severity.WARNING


def test_of_a_port_that_a_container_has_the_container_is_named() -> None:
    from wb_cli.host.listeners import Listener

    other = replace(VALKEY, name="other", labels={}, ports=(Port(80, 9001),))
    listeners = {9001: Listener(9001, "docker-proxy", 7)}
    facts = replace(machine(listeners=listeners), observed=Observed((other,)))
    assert only("port-taken", facts).what == "port 9001 (platform) is taken by the container other"


def test_the_ports_to_reserve_are_those_of_all_and_those_that_are_reserved() -> None:
    from wb_cli.host.ports import PortRange

    far = replace(DEMO, port=25_000)
    facts = replace(
        machine(ephemeral_ports=PortRange(32_768, 60_999, "40000-40010")),
        registry=Registry((far,)),
        known=(Known(far),),
    )
    assert "ip_local_reserved_ports=40000-40010,35000`" in only("port-ephemeral", facts).hint

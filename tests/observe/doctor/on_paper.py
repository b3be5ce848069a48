"""Facts that a machine cannot be brought into for a test: what is wrong, and what is well again."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lifecycle.examples import DEMO, SETTINGS, container, wanted
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.edge.judge import Judged, SiteState
from wb_cli.engine.description import EngineDescription
from wb_cli.engine.types import ImageInfo, Observed
from wb_cli.host.database_files import DataVersion
from wb_cli.host.folders import Access, Place
from wb_cli.host.kernel import Usage
from wb_cli.host.memory import Memory, Pressure
from wb_cli.host.web.nginx import Complaint
from wb_cli.host.web.site_files import SiteFile
from wb_cli.host.web.x509 import Certificate
from wb_cli.instances.registry_file.registry import Registry
from wb_cli.lifecycle.receiving.room import Received, Slot
from wb_cli.lifecycle.record.backup_record import Copying, Kept
from wb_cli.lifecycle.sites.survey import SeenSite, Served
from wb_cli.observe.backups import BackupStatus
from wb_cli.observe.certificates import CertificateStatus, Renewal
from wb_cli.observe.doctor.facts import Database, Facts, Folder, Known, Machine
from wb_cli.observe.doctor.look_at_sites import Sites
from wb_cli.quantities import DAY_S

MIB, GIB = 1024**2, 1024**3
ENGINE = EngineDescription(
    "28.5.1", "overlay2", "json-file", "/var/lib/docker", "6.1.0", 8 * GIB, 0
)
MEMORY = Memory(8 * GIB, 4 * GIB, 2 * GIB, 2 * GIB, 1)
DATABASE = Database("17.4", has_checksums=True, clock_ahead_s=0.1)
KNOWN = Known(
    DEMO,
    references={Part.POSTGRES: "postgres:17"},
    images={Part.POSTGRES: ImageInfo("sha256:1", postgres_version="17.4")},
    database=DATABASE,
)
RUNNING = Observed(tuple(map(container, wanted().containers)))
WELL = Facts(
    settings=SETTINGS,
    registry=Registry((DEMO,)),
    known=(KNOWN,),
    engine=ENGINE,
    observed=RUNNING,
    machine=Machine(memory=MEMORY, is_engine_started_at_boot=True),
)


def engine(**changes: Any) -> Facts:
    return replace(WELL, engine=replace(ENGINE, **changes))


def memory(**changes: int) -> Facts:
    return replace(WELL, machine=replace(WELL.machine, memory=replace(MEMORY, **changes)))


def machine(**changes: Any) -> Facts:
    return replace(WELL, machine=replace(WELL.machine, **changes))


def database(**changes: Any) -> Facts:
    return replace(WELL, known=(replace(KNOWN, database=replace(DATABASE, **changes)),))


def caches_of(size: int) -> Facts:
    return replace(WELL, registry=Registry((replace(DEMO, valkey_max_memory=size),)))


def fleet_of(count: int, **changes: Any) -> Facts:
    """As many declared instances, of which one runs."""
    others = (replace(DEMO, id=f"demo{number}") for number in range(1, count))
    return replace(machine(**changes), registry=Registry((DEMO, *others)))


def declared(**changes: Any) -> Facts:
    return replace(WELL, known=(replace(KNOWN, instance=replace(DEMO, **changes)),))


def image_with(version: str) -> Facts:
    images = {Part.POSTGRES: ImageInfo("sha256:2", postgres_version=version)}
    return replace(WELL, known=(replace(KNOWN, images=images),))


SITE = SeenSite("demo", SiteFile(Path("/a"), Path("/b")), Judged(SiteState.OURS))
WELL_SITES = Sites((SITE,), {"demo": Served.YES}, is_running=True)


def sites(**changes: Any) -> Facts:
    return machine(sites=replace(WELL_SITES, **changes))


def site(state: SiteState, **changes: Any) -> Facts:
    return sites(seen=(replace(SITE, judged=Judged(state), **changes),))


def data_of(version: str) -> Facts:
    return replace(WELL, known=(replace(KNOWN, data_version=DataVersion(version)),))


NO_IMAGE = replace(KNOWN, images={}, data_version=DataVersion("16"))


NAME = "demo.example.org"


def certificate(left: float = 60, *names: str, digest: str = "one") -> Certificate:
    """A certificate with so many days left of 90."""
    ends = time.time() + left * DAY_S
    return Certificate(names or (NAME,), "R11", ends - 90 * DAY_S, ends, digest)


def tls(served: Certificate | None, file: Certificate | None, **fields: Any) -> Facts:
    """An instance whose site is set up for HTTPS."""
    usual: dict[str, Any] = {"has_https": True, "lineage": NAME, "renewal": Renewal.WELL}
    status = CertificateStatus(DEMO.id, NAME, served=served, file=file, **usual | fields)
    return replace(WELL, known=(replace(KNOWN, certificate=status),))


def key(mode: int) -> Facts:
    access = Access("/etc/letsencrypt/archive/privkey1.pem", mode, 0)
    return tls(certificate(), certificate(), key=access)


def renewal(renewal: Renewal) -> Facts:
    return tls(certificate(), certificate(), renewal=renewal)


def kept(made: float, proven: float | None = None, **more: Any) -> Facts:
    """Backups: the newest made so many days ago, the last proven one so many."""
    now = datetime.now(UTC)
    made_at, proven_at = (
        "" if days is None else (now - timedelta(days=days)).isoformat() for days in (made, proven)
    )
    found = Kept(proven_at or made_at, made_at, proven_at, **more)
    return replace(WELL, known=(replace(KNOWN, backup=BackupStatus(now.isoformat(), found)),))


def scheduled(facts: Facts, has_schedule: bool) -> Facts:
    return replace(facts, machine=replace(facts.machine, has_schedule=has_schedule))


def copying(facts: Facts, ended: Copying | None = None) -> Facts:
    """With a further place for backups, and how the last copy to it ended."""
    settings = replace(facts.settings, backup_copies=("/mnt/disk",))
    return replace(facts, settings=settings, copies={"/mnt/disk": ended} if ended else {})


NO_BACKUP = replace(WELL, known=(replace(KNOWN, backup=BackupStatus("2026-01-01T00:00:00Z")),))
FAILED = replace(WELL, known=(replace(KNOWN, backup_failure="failed: no room"),))
CUT_OFF = replace(WELL, known=(replace(KNOWN, is_trial_cut_off=True),))


NOW = time.time()
# What has come up to then is not late as long as the tests run.
LATER = NOW + 3600


def receiving(said: str | None, **changes: Any) -> Facts:
    """An instance whose receiver of WAL says something; ``None`` if it was not asked."""
    known = replace(KNOWN, instance=replace(DEMO, point_in_time=True), receiver=said)
    containers = tuple(map(container, wanted(point_in_time=True).containers))
    observed = Observed(containers)
    return replace(WELL, known=(replace(known, **changes),), observed=observed)


def wal_folder(mode: int) -> Facts:
    access = Access("/mnt/demo/wal", mode, 0)
    folder = Folder("wal", "/mnt/demo/wal", None, Place("/mnt/demo/wal", None), access)
    return receiving(None, folders=(folder,))


def began(days: int, at: int) -> Facts:
    """Whose WAL began so many days ago, and the newest backup was made so many days ago."""
    now = datetime.now(UTC)
    name = f"{now - timedelta(days=at, hours=1):%Y%m%dT%H%M%SZ}.a"
    (known,) = kept(days, days).known
    return receiving(f"{name} {LATER} 0", backup=known.backup)


def holding(
    name: str,
    *,
    held: int = 0,
    limit: int | None = 2048,
    status: str = "extended",
    is_active: bool = False,
    wanted: bool = True,
    said: str | None = None,
) -> Facts:
    """Whose PostgreSQL keeps so many MiB for a slot, and so many at most."""
    slot = Slot(name, is_active, status, held * MIB, limit and limit * MIB)
    facts = receiving(said, slots=(slot,))
    (known,) = facts.known
    instance = replace(known.instance, point_in_time=wanted)
    return replace(facts, known=(replace(known, instance=instance),))


RECEIVERS = {
    "wal-late": (
        (receiving(""), receiving(f"s {NOW - 3600} 0")),
        (receiving(f"s {LATER} 0"), receiving(None), WELL),
    ),
    "wal-gap": (
        (began(2, at=1), began(3, at=1)),
        (began(1, at=2), began(1, at=1), receiving(f"s {LATER} 0"), receiving(None)),
    ),
    "wal-held": (
        (
            holding("wb", held=1025),
            holding("wb", held=1025, wanted=False),
            holding("wb", held=1025, said=f"s {LATER} 0"),
            holding("theirs", held=1025),
            holding("theirs", status="lost"),
            holding("theirs", held=1025, limit=None),
        ),
        (
            holding("wb", held=1024),
            holding("theirs", held=1024, limit=None),
            holding("theirs", held=9999, limit=None, is_active=True),
            WELL,
        ),
    ),
    "wal-large": (
        (receiving(None, received=Received(2, 1)),),
        (receiving(None, received=Received(1, 1)), receiving(None), WELL),
    ),
    "socket-open": ((wal_folder(0o755), wal_folder(0o710)), (wal_folder(0o700), WELL)),
}
BACKUPS = {
    "backup-missing": ((NO_BACKUP,), (kept(1, 1), WELL)),
    "backup-unproven": ((kept(1, 9), kept(9, 9), kept(9)), (kept(1), kept(1, 7), NO_BACKUP)),
    "backup-bad": ((kept(1, 2, has_failed=True), kept(1, has_failed=True)), (kept(1, 2),)),
    "wal-bad": (
        (kept(1, 2, wal_has_failed=True),),
        (kept(1, 2), kept(1, has_failed=True, wal_has_failed=True)),
    ),
    "backup-failed": ((FAILED,), (WELL,)),
    "backup-copy": (
        (copying(kept(1, 1)), copying(kept(1, 1), Copying("now", "then", "no route"))),
        (copying(kept(1, 1), Copying("now", "now")), copying(NO_BACKUP), kept(1, 1)),
    ),
    "backup-trial-cut-off": ((CUT_OFF,), (WELL, FAILED)),
    "backup-unscheduled": (
        (scheduled(kept(1, 1), False),),
        (scheduled(kept(1, 1), True), scheduled(WELL, False)),
    ),
}
TLS = {
    "tls-expiring": (
        (tls(certificate(20), certificate(20)), tls(certificate(-1), certificate(-1))),
        (tls(certificate(22), certificate(22)), tls(None, None, has_https=False)),
    ),
    "tls-stale": (
        (tls(certificate(30), certificate(80, digest="two")),),
        (tls(certificate(30), certificate(30)), tls(None, certificate(), problem="nobody")),
    ),
    "tls-name": (
        (tls(certificate(60, "other.example.org", digest="two"), certificate()),),
        (tls(certificate(60, "*.example.org"), certificate(60, "*.example.org")),),
    ),
    "tls-gone": (
        (tls(certificate(), None), tls(None, None, problem="nobody")),
        (tls(None, None, has_https=False),),
    ),
    "tls-key-open": ((key(0o644), key(0o606)), (key(0o600), key(0o640))),
    "tls-not-renewed": (
        tuple(map(renewal, (Renewal.NO_TIMER, Renewal.NO_RELOAD, Renewal.BROKEN))),
        (renewal(Renewal.WELL), replace(renewal(Renewal.NO_TIMER), known=())),
    ),
}
# What each check finds, and what it finds no more once its command has done its work.
PROVOKED: Mapping[str, tuple[tuple[Facts, ...], tuple[Facts, ...]]] = (
    TLS
    | BACKUPS
    | RECEIVERS
    | {
        "site-differs": (
            (
                site(SiteState.DIFFERS),
                site(SiteState.NOT_ENABLED),
                sites(served={"demo": Served.OLD}),
                sites(served={"demo": Served.NO}),
            ),
            (
                sites(),
                sites(served={}),
                machine(sites=Sites()),
                site(SiteState.DIFFERS, instance="x"),
            ),
        ),
        "site-undeclared": (
            (site(SiteState.UNDECLARED, instance="gone"),),
            (sites(), replace(site(SiteState.UNDECLARED, instance="gone"), chooses_all=False)),
        ),
        "nginx-down": ((sites(is_running=False),), (sites(), machine(sites=Sites()))),
        "nginx-refuses": (
            (sites(complaint=Complaint("emerg", "unknown directive", "/etc/nginx/x", 3)),),
            (sites(),),
        ),
        "engine-elsewhere": ((replace(WELL, is_local=False),), (WELL,)),
        "engine-old": (
            (engine(version="19.03.15"), engine(version="20.9.1")),
            (engine(version="20.10.24+dfsg1"), engine(version="dev")),
        ),
        "kernel-old": ((engine(kernel="3.10.0-1160.el7"),), (engine(kernel="4.18.0-553.el8"),)),
        "storage-driver": (
            (engine(storage_driver="vfs"), engine(storage_driver="devicemapper")),
            (engine(storage_driver="overlayfs"), engine(storage_driver="btrfs")),
        ),
        "log-driver": (
            (engine(log_driver="none"), engine(log_driver="syslog")),
            (engine(log_driver="local"), engine(log_driver="journald")),
        ),
        "engine-warning": (
            (engine(warnings=("WARNING: No swap limit support",)),),
            (engine(warnings=()),),
        ),
        "clock-apart": (
            (engine(clock_ahead_s=-3600), database(clock_ahead_s=6)),
            (engine(clock_ahead_s=2.0), database(clock_ahead_s=-2.0)),
        ),
        "engine-not-at-boot": (
            (machine(is_engine_started_at_boot=False),),
            (machine(is_engine_started_at_boot=True), machine(is_engine_started_at_boot=None)),
        ),
        "no-autostart": (
            (machine(has_autostart=False),),
            (machine(has_autostart=True), machine(has_autostart=None)),
        ),
        "limit-small": (
            (
                declared(valkey_memory=GIB),
                declared(valkey_memory=GIB // 2, valkey_max_memory=GIB),
                declared(postgres_memory=GIB, postgres_settings={"shared_buffers": "1GB"}),
            ),
            (
                declared(valkey_memory=GIB, valkey_max_memory=GIB // 2),
                declared(postgres_memory=GIB),
                declared(postgres_settings={"shared_buffers": "1GB"}),
            ),
        ),
        "memory-low": (
            (memory(available=GIB // 2), memory(available=GIB // 8)),
            (memory(available=GIB),),
        ),
        "swap-full": (
            (memory(free_swap=GIB // 2),),
            (memory(free_swap=GIB), memory(swap=0, free_swap=0)),
        ),
        "overcommit": ((memory(overcommit=0), memory(overcommit=2)), (memory(overcommit=1),)),
        "pressure": (
            (
                machine(pressures=(Pressure("memory", 30.0, 1.0),)),
                machine(pressures=(Pressure("io", 90.0, 60.0),)),
            ),
            (machine(pressures=(Pressure("memory", 5.0, 5.0), Pressure("io", 10.0, 0.0))),),
        ),
        "files-low": (
            (machine(open_files=Usage(85, 100)), machine(open_files=Usage(96, 100))),
            (machine(open_files=Usage(70, 100)), machine(open_files=Usage(0, 2**63 - 1))),
        ),
        "tasks-low": (
            (machine(tasks=Usage(30_000, 32_768)), machine(tasks=Usage(32_000, 32_768))),
            (machine(tasks=Usage(3_000, 32_768)),),
        ),
        "inotify-low": (
            (machine(inotify_limit=42), fleet_of(40, inotify_limit=128)),
            (
                machine(inotify_limit=43),
                machine(inotify_limit=None),
                fleet_of(20, inotify_limit=128),
                fleet_of(40, inotify_limit=1024),
            ),
        ),
        "memory-promised": (
            (
                caches_of(9 * GIB),
                replace(
                    WELL,
                    registry=Registry((replace(DEMO, memory=4 * GIB, postgres_memory=4 * GIB),)),
                ),
            ),
            (caches_of(7 * GIB), replace(caches_of(9 * GIB), observed=Observed())),
        ),
        "database-version": (
            (data_of("16"), data_of("18")),
            (data_of("17"), data_of(""), replace(data_of("16"), known=(NO_IMAGE,))),
        ),
        "password-drift": (
            (database(takes_our_password=False),),
            (database(takes_our_password=True), database(takes_our_password=None), WELL),
        ),
        "postgres-old": (
            (image_with("17.10"), database(version="17.3 (Debian 17.3-1)")),
            (image_with("17.4"), image_with("17.3"), image_with("18.1"), image_with("")),
        ),
    }
)
# A critical finding, where the same check may find a lesser one.
CRITICAL = {
    "memory-low": memory(available=GIB // 8),
    "pressure": machine(pressures=(Pressure("io", 90.0, 60.0),)),
    "files-low": machine(open_files=Usage(96, 100)),
    "tasks-low": machine(tasks=Usage(32_000, 32_768)),
    "engine-old": engine(version="19.03.15"),
    "tls-expiring": tls(certificate(6), certificate(6)),
    "backup-bad": kept(1, 2, has_failed=True),
    "wal-bad": kept(1, 2, wal_has_failed=True),
}

"""The checks of wb doctor by subject. Pure: each judges the facts and looks at nothing itself."""

from wb_cli.observe.doctor.checks import (
    backups,
    certificates,
    containers,
    disks,
    engine,
    exposure,
    folders,
    instances,
    kernel,
    memory,
    network,
    registry,
    sites,
    wal,
)

__all__ = [
    "backups",
    "certificates",
    "containers",
    "disks",
    "engine",
    "exposure",
    "folders",
    "instances",
    "kernel",
    "memory",
    "network",
    "registry",
    "sites",
    "wal",
]

"""Packages, and the errors where they cannot be installed."""

import platform
import shutil
from pathlib import Path

import pytest

from wb_cli.errors import WbError
from wb_cli.host import base_image, packages


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ({"ID": "debian"}, True),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, True),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, True),
        ({"ID": "fedora"}, False),
        ({}, False),
    ],
)
def test_the_family_is_read_from_os_release(
    release: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert packages.is_debian_family() is expected


def test_on_another_distribution_the_hint_is_to_install_by_its_own_means(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "is_debian_family", lambda: False)
    with pytest.raises(WbError, match="neither Debian nor Ubuntu") as failure:
        packages.install("docker.io")
    assert "this distribution" in failure.value.hint


def test_a_user_who_is_not_root_gets_the_command_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_debian_family", lambda: True)
    monkeypatch.setattr(packages, "is_root", lambda: False)
    with pytest.raises(WbError, match="not root") as failure:
        packages.install("docker.io", "iptables")
    assert "`apt-get install docker.io iptables`" in failure.value.hint


def test_the_base_is_minimal_and_keeps_no_manuals(tmp_path: Path) -> None:
    command = base_image.build_command(tmp_path / "base.tar")
    assert command[:3] == ["mmdebstrap", "--variant=minbase", "--include=ca-certificates"]
    assert "--dpkgopt=path-exclude=/usr/share/doc/*" in command
    assert command[-2:] == ["trixie", str(tmp_path / "base.tar")]

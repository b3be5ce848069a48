"""An engine is started as a program of this machine."""

from pathlib import Path

import pytest

from wb_cli.errors import WbError
from wb_cli.host import engine_service, packages


@pytest.fixture(autouse=True)
def as_root_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_service, "has_systemd", lambda: False)
    monkeypatch.setattr(packages, "is_root", lambda: True)


def put_dockerd(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "dockerd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_engine_that_answers_is_not_started_again(tmp_path: Path) -> None:
    engine_service.start(lambda: True, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_start_waits_until_the_engine_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    put_dockerd(tmp_path, f"touch {ready}; sleep 2", monkeypatch)
    engine_service.start(ready.exists, tmp_path / "log")
    assert ready.exists()


def test_an_engine_that_ends_at_once_is_reported_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_dockerd(tmp_path, "echo iptables not found >&2; exit 1", monkeypatch)
    with pytest.raises(WbError, match="ended at once") as failure:
        engine_service.start(lambda: False, tmp_path / "log")
    assert "iptables not found" in failure.value.hint


def test_an_engine_that_never_answers_is_an_error_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_service, "ANSWERS_WITHIN_S", 0.3)
    put_dockerd(tmp_path, "echo still busy; sleep 3", monkeypatch)
    with pytest.raises(WbError, match=r"does not answer after 0\.3 s") as failure:
        engine_service.start(lambda: False, tmp_path / "log")
    assert "still busy" in failure.value.hint


def test_a_user_who_is_not_root_cannot_start_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "is_root", lambda: False)
    with pytest.raises(WbError, match="not root"):
        engine_service.start(lambda: False, tmp_path / "log")


@pytest.mark.parametrize("unit", ["docker.service", "docker.socket"])
def test_a_unit_that_systemd_wants_is_started_at_boot(
    unit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine_service.is_started_at_boot([tmp_path]) is None
    monkeypatch.setattr(engine_service, "has_systemd", lambda: True)
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    (wants / "cron.service").touch()
    assert engine_service.is_started_at_boot([tmp_path]) is False
    (wants / unit).symlink_to("/no/such/unit")
    assert engine_service.is_started_at_boot([tmp_path]) is True

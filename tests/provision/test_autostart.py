"""The unit of systemd: its text, what systemd makes of it, and that it harms no other file."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.errors import UsageError, WbError
from wb_cli.host import packages, systemd
from wb_cli.instances.host_settings.settings import Settings, load
from wb_cli.provision import autostart
from wb_cli.provision.autostart import UNIT, Autostart
from wb_cli.provision.own_files import Found, judge

PROGRAM = ("/bin/true", "-m", "wb_cli")
DOCKER = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"


def make(settings: Settings = SETTINGS, environ: dict[str, str] | None = None, **more: Any) -> str:
    return Autostart(settings, PROGRAM, environ or {}, **more).describe()


def lines_of(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def test_it_starts_what_ran_after_the_engine_and_the_mounts() -> None:
    text = make()
    assert lines_of(text, "Requires") == lines_of(text, "After") == ["docker.service"]
    assert lines_of(text, "RequiresMountsFor") == ['"/mnt" "/nowhere" "/nowhere/secrets" "/etc/wb"']
    assert lines_of(text, "ExecStart") == ['"/bin/true" "-m" "wb_cli" "run" "on=here" "--present"']
    assert lines_of(text, "Environment") == ['"WB_CONFIG_DIR=/etc/wb"']
    assert '"--present"' not in make(starts_all=True)


def test_what_only_a_shell_or_a_flag_says_is_written_into_it(tmp_path: Path) -> None:
    env_file = tmp_path / "else.env"
    env_file.write_text("DOMAIN=example.org\n")
    environ = {
        "WB_CONFIG_DIR": str(tmp_path),
        "MOUNT_PATH": "/mnt/a b",
        "WB_LABELS": "team=data,cost=100%",
        "WB_POSTGRES_SETTINGS": "work_mem=16MB,jit=off",
    }
    text = make(load({"subnet_prefix": "27"}, environ, env_file))
    assert lines_of(text, "Environment") == [
        f'"WB_CONFIG_DIR={tmp_path}"',
        '"MOUNT_PATH=/mnt/a b"',
        '"WB_SUBNET_PREFIX=27"',
        '"WB_POSTGRES_SETTINGS=work_mem=16MB,jit=off"',
        '"WB_LABELS=team=data,cost=100%%"',
    ]
    assert f'"--env-file" "{env_file}" "run" "on=here"' in text
    assert '"/mnt/a b" ' in text


def test_an_engine_of_one_s_own_is_named_and_the_machine_s_is_not_required() -> None:
    text = make(environ={"DOCKER_HOST": "unix:///run/mine.sock"})
    assert '"DOCKER_HOST=unix:///run/mine.sock"' in text
    assert lines_of(text, "Requires") == []


def test_nothing_in_a_word_has_a_meaning_for_systemd() -> None:
    assert systemd.quote('a "b" \\ 100%') == r'"a \"b\" \\ 100%%"'
    assert systemd.quote_argument("$HOME") == '"$$HOME"'


@pytest.mark.parametrize(
    ("present", "is_enabled", "found"),
    [
        (None, False, Found.ABSENT),
        ("[Service]\nExecStart=/bin/true\n", True, Found.FOREIGN),
        (make(), True, Found.CURRENT),
        (make(), False, Found.DISABLED),
        (make(starts_all=True), True, Found.OUTDATED),
        (make(replace(SETTINGS, servers_file=Path("/other.json"))), True, Found.ANOTHER),
    ],
)
def test_the_unit_that_is_there_is_judged_by_its_text(
    present: str | None, is_enabled: bool, found: Found
) -> None:
    assert judge(present, make(), is_enabled=is_enabled) is found


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("folder", ["/srv/data", '/srv/a "b" 100% $HOME'])
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path, folder: str) -> None:
    (tmp_path / "docker.service").write_text(DOCKER)
    unit = tmp_path / UNIT
    unit.write_text(make(replace(SETTINGS, mount_path=Path(folder))))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemctl"), reason="needs systemctl")
def test_systemd_enables_it(tmp_path: Path) -> None:
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / UNIT).write_text(make())
    assert not systemd.is_enabled(UNIT, units)
    subprocess.run(["systemctl", f"--root={tmp_path}", "enable", UNIT], check=True)
    assert systemd.is_enabled(UNIT, units)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with systemd, whose units lie in a folder. What it is told is listed here."""
    heard: list[str] = []
    link = tmp_path / f"{systemd.WANTED_BY}.wants" / UNIT
    link.parent.mkdir()

    def tell(words: Sequence[str], *, timeout: float) -> None:
        assert timeout
        heard.append(" ".join(words))
        if "enable" in words:
            link.symlink_to(tmp_path / UNIT)
        if "disable" in words:
            link.unlink()

    monkeypatch.setattr(systemd, "UNITS", tmp_path)
    monkeypatch.setattr(systemd, "run", tell)
    monkeypatch.setattr(autostart, "has_systemd", lambda: True)
    monkeypatch.setattr(packages, "is_root", lambda: True)
    return heard


WANTED = Autostart(SETTINGS, PROGRAM, {})


def test_it_is_written_enabled_and_removed_and_both_can_be_repeated(
    told: list[str], tmp_path: Path
) -> None:
    assert autostart.install(WANTED, dry_run=True) is Found.ABSENT
    assert (told, autostart.look(WANTED)) == ([], Found.ABSENT)
    assert autostart.install(WANTED, dry_run=False) is Found.ABSENT
    assert told == ["systemctl daemon-reload", f"systemctl enable {UNIT}"]
    assert (tmp_path / UNIT).read_text() == WANTED.describe()
    assert autostart.install(WANTED, dry_run=False) is Found.CURRENT
    assert len(told) == 2
    assert autostart.remove(WANTED, dry_run=True) is Found.CURRENT
    assert autostart.look(WANTED) is Found.CURRENT
    assert autostart.remove(WANTED, dry_run=False) is Found.CURRENT
    assert told[2:] == [f"systemctl disable {UNIT}", "systemctl daemon-reload"]
    assert not (tmp_path / UNIT).exists()
    assert autostart.remove(WANTED, dry_run=False) is Found.ABSENT


@pytest.mark.parametrize("text", ["[Unit]\n", "another"])
def test_a_file_of_somebody_else_is_left_alone(told: list[str], tmp_path: Path, text: str) -> None:
    other = make(replace(SETTINGS, servers_file=Path("/other.json")))
    content = other if text == "another" else text
    (tmp_path / UNIT).write_text(content)
    for act in (autostart.install, autostart.remove):
        with pytest.raises(WbError, match=UNIT):
            act(WANTED, dry_run=False)
    assert (told, (tmp_path / UNIT).read_text()) == ([], content)


@pytest.mark.usefixtures("told")
def test_a_secret_that_only_this_shell_knows_is_not_written_down() -> None:
    settings = replace(SETTINGS, origins={"pg_password": "environment PG_PASSWORD"})
    with pytest.raises(UsageError, match="PG_PASSWORD: only this shell says it"):
        autostart.install(Autostart(settings, PROGRAM, {}), dry_run=False)


@pytest.mark.usefixtures("told")
def test_another_user_than_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_root", lambda: False)
    with pytest.raises(WbError, match="not root"):
        autostart.install(WANTED, dry_run=False)


@pytest.mark.usefixtures("told")
def test_without_systemd_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autostart, "has_systemd", lambda: False)
    with pytest.raises(WbError, match="systemd does not run this machine") as caught:
        autostart.install(WANTED, dry_run=False)
    assert "--print" in caught.value.hint

"""wb rotate-secret on a real engine: who is let in afterwards, and what a cut-off change leaves."""

import json
from typing import Any

import pytest
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.wb_host import Host

from wb_cli.errors import ExitCode

pytestmark = [pytest.mark.engine, pytest.mark.long]

ALTER = "alter role postgres password"
OLD, NEW = "an-old-password", "a-new-password"


def secrets(host: Host, id_: str) -> dict[str, Any]:
    return dict(json.loads((host.root / "secrets" / f"{id_}.json").read_text()))


def password(host: Host, id_: str) -> str:
    return str(secrets(host, id_)["postgresPassword"])


def opens(host: Host, id_: str, password: str) -> bool:
    """Whether a password opens the database over the network."""
    script = "psql -h $(hostname -i) -U postgres -wXAtqc 'select 1' postgres"
    environment = {"PGPASSWORD": password}
    code, _ = host.container(f"{id_}-postgres").exec_run(
        ["sh", "-c", script], environment=environment
    )
    return bool(code == 0)


def platform(host: Host, id_: str) -> tuple[str, str]:
    """The id of the platform's container, and the password that it has."""
    found = host.inspect(id_)
    variables = dict(each.partition("=")[::2] for each in found["Config"]["Env"])
    return found["Id"], variables["PG_PASSWORD"]


def test_the_new_password_opens_the_database_and_the_old_one_does_not(shared_host: Host) -> None:
    host, id_ = shared_host, shared_host.prepare()
    host.wb("run", id_)
    old, postgres = password(host, id_), host.inspect(f"{id_}-postgres")["Id"]
    assert host.wb("rotate-secret", id_, "--dry-run").stdout.count("would get a new password")
    assert password(host, id_) == old
    done = host.wb("rotate-secret", id_, "--json")
    (ended,) = check("rotate-secret", done.stdout)["instances"]
    assert ended["result"] == "rotated"
    new = password(host, id_)
    assert new != old
    assert opens(host, id_, new)
    assert not opens(host, id_, old)
    assert platform(host, id_)[1] == new
    assert host.inspect(f"{id_}-postgres")["Id"] == postgres
    assert "previousPostgresPassword" not in secrets(host, id_)
    assert new not in done.stdout + done.stderr
    log = host.container(f"{id_}-postgres").logs().decode()
    assert new not in log
    assert "SCRAM" not in log
    assert host.wb("run", id_).stdout.count("unchanged")
    host.wb("stop", id_)
    refused = host.wb("rotate-secret", id_, exits=ExitCode.FAILURE).stderr
    assert f"`wb run {id_}`" in refused


def test_if_the_platform_does_not_come_up_the_password_from_before_holds(
    shared_host: Host, platforms: Platforms
) -> None:
    host, id_ = shared_host, shared_host.prepare(image=platforms("mortal"))
    host.wb("run", id_)
    before, running = secrets(host, id_), platform(host, id_)
    (host.folder(id_) / "sandbox" / "die").touch()
    said = host.wb("rotate-secret", id_, exits=ExitCode.FAILURE).stderr
    assert "going back to the password from before" in said
    assert secrets(host, id_) == before
    assert opens(host, id_, before["postgresPassword"])
    assert platform(host, id_) == running


@pytest.mark.parametrize("has_changed", [False, True], ids=["not yet changed", "changed"])
@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_a_change_that_was_cut_off_is_ended_by_the_next_run(
    shared_host: Host, has_changed: bool, is_stopped: bool
) -> None:
    host, id_ = shared_host, shared_host.prepare()
    host.wb("run", id_)
    path = host.root / "secrets" / f"{id_}.json"
    old = password(host, id_)
    if has_changed:
        host.sql(id_, f"{ALTER} '{NEW}'")
    cut_off = secrets(host, id_) | {"postgresPassword": NEW, "previousPostgresPassword": old}
    path.write_text(json.dumps(cut_off))
    if is_stopped:
        host.wb("stop", id_)
    assert "would be ended" in host.wb("run", id_, "--dry-run").stderr
    assert secrets(host, id_) == cut_off
    assert "was cut off; it was ended" in host.wb("run", id_).stderr
    assert opens(host, id_, NEW)
    assert not opens(host, id_, old)
    assert platform(host, id_)[1] == NEW
    assert "previousPostgresPassword" not in secrets(host, id_)


def test_a_password_that_nobody_knows_is_told_with_the_way_out(shared_host: Host) -> None:
    host, id_ = shared_host, shared_host.prepare()
    host.wb("run", id_)
    before, running = secrets(host, id_), platform(host, id_)
    container = host.container(f"{id_}-postgres")
    ask_always = "find / -name pg_hba.conf 2>/dev/null | xargs sed -i s/trust/scram-sha-256/"
    host.sql(id_, f"{ALTER} '{OLD}'")
    assert container.exec_run(["sh", "-c", ask_always]).exit_code == 0
    container.kill("SIGHUP")
    said = host.wb("rotate-secret", id_, exits=ExitCode.FAILURE).stderr
    assert "POSTGRES_PASSWORD" in said
    assert platform(host, id_) == running
    assert secrets(host, id_)["adminToken"] == before["adminToken"]

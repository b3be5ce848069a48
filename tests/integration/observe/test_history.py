"""`wb history` of commands that were done for real, failed, or were killed."""

import pytest
from support.json_answers import check
from support.platform_stand_in import Platforms
from support.services import wait_until
from support.wb_host import Host

pytestmark = pytest.mark.engine


def test_what_was_done_to_an_instance(host: Host, platforms: Platforms) -> None:
    id_, other = host.prepare(image=platforms("exits")), host.declare()
    host.wb("run", id_, "--dry-run")
    host.wb("run", id_, exits=1)
    host.change(id_, image=platforms("never-ready"))
    with host.started("run", id_) as killed:
        wait_until(lambda: "platform" in host.ids(id_), "the platform's container")
        done = host.wb("history", id_)
        assert "under way" in done.stdout
        killed.kill()
        killed.wait()
    host.wb("config", "set", id_, "label=New", "env.KEY=sesame")
    host.wb("stop", id_, SUDO_USER="amina")
    answer = check("history", host.wb("history", id_, "--json").stdout)
    assert [(c["stage"], c["result"], c["exitCode"]) for c in answer["commands"]] == [
        ("ended", "failed", 1),
        ("did not end", None, None),
        ("ended", "changed", 0),
        ("ended", "stopped", 0),
    ]
    failed, _, changed, stopped = answer["commands"]
    assert failed["error"].startswith(f"{id_} exited with code 7 while starting")
    assert changed["command"] == f"wb config set {id_} label=New env.KEY=***"
    assert stopped["sudoUser"] == "amina"
    # Without an id, all are shown; a folder that was never written is empty, and no error.
    host.wb("stop", other)
    assert host.json("history", "-n", "1")["commands"][0]["instance"] == other
    assert host.json("history", "-n", "2")["commands"][0]["instance"] == id_
    host.wb("history", "nobody", exits=2)


def test_an_instance_without_commands(host: Host) -> None:
    id_ = host.declare()
    done = host.wb("history", id_)
    assert (done.stdout, done.stderr) == ("", f"No command of {id_} is recorded yet.\n")

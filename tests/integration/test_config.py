"""wb config on the real engine."""

import json

import pytest
from jsonschema import Draft202012Validator
from support.wb_host import Host

from wb_cli.cli.commands.schema import read_schema
from wb_cli.errors import ExitCode

pytestmark = pytest.mark.engine


def test_diff_shows_what_run_would_change_and_run_ends_it(host: Host) -> None:
    id_ = host.prepare()
    idle = host.prepare()
    host.wb("run", id_)
    assert host.wb("config", "diff", "--exit-code").stderr == f"not running: {idle}\n"
    host.wb("config", "set", "all", "memory=64m", "tags+=small")
    before = host.state(id_)
    done = host.wb("config", "diff", "--exit-code", exits=ExitCode.DIFFERS)
    assert done.stdout.startswith(f"{id_}  ~ platform  replace: memory set to")
    answer = host.json("config", "diff", "@small")
    Draft202012Validator(json.loads(read_schema("config diff"))).validate(answer)
    assert answer["notRunning"] == [idle]
    assert [change["part"] for change in answer["instances"][0]["plan"]["changes"]] == ["platform"]
    assert host.state(id_) == before
    host.wb("run", id_)
    host.wb("config", "diff", "--exit-code")
    assert host.inspect(id_)["HostConfig"]["Memory"] == 64 * 1024**2

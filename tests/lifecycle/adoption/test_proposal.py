"""What taking over an instance of an older tool means, and what does not fit."""

from collections.abc import Mapping
from typing import Any

import pytest
from lifecycle.examples import SETTINGS
from msgspec.structs import replace

from wb_cli.contract import PGDATA, Part
from wb_cli.engine.configuration import Configuration
from wb_cli.engine.types import Mount, ObservedContainer, Port, State
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.lifecycle.adoption.entry import Choices
from wb_cli.lifecycle.adoption.facts import Facts
from wb_cli.lifecycle.adoption.group import Group
from wb_cli.lifecycle.adoption.proposal import Proposal, propose
from wb_cli.secret import Secret

STOCK = "timroberton/comb:wb-fastr-server-v1.6.7"
EVERYWHERE = "0.0.0.0"
LOCAL = replace(SETTINGS, postgres_bind_address=EVERYWHERE, bind_address=EVERYWHERE)
FOLDER = "/mnt/demo"


def variables(**given: str) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in given.items()}


PLATFORM = Configuration(
    STOCK,
    "sha256:platform",
    variables(INSTANCE_ID="'demo'", INSTANCE_NAME="'Sierra Leone'", SERVER_VERSION="1.6.7"),
    mounts=(
        Mount(f"{FOLDER}/sandbox", "/app/sandbox"),
        Mount(f"{FOLDER}/assets", "/app/assets"),
        Mount(f"{FOLDER}/databases", "/app/databases"),
        Mount("/var/run/docker.sock", "/var/run/docker.sock"),
    ),
    ports=(Port(8000, 9001, EVERYWHERE),),
)
POSTGRES = Configuration(
    "postgres:17.4",
    "sha256:postgres",
    variables(PGDATA=PGDATA),
    mounts=(Mount(f"{FOLDER}/databases", "/var/lib/postgresql/data"),),
    ports=(Port(5432, 19001, EVERYWHERE),),
)
VALKEY = Configuration(
    "valkey/valkey:8",
    "sha256:valkey",
    command=("valkey-server", "--save", "60", "1"),
    mounts=(Mount(f"{FOLDER}/valkey_data", "/data"),),
)
ADMIN = Configuration("timroberton/comb:wb-hmis-server-admin-v2.1", "sha256:admin")
ALL = {Part.PLATFORM: PLATFORM, Part.POSTGRES: POSTGRES, Part.VALKEY: VALKEY}


def facts(
    configurations: Mapping[Part, Configuration] = ALL, labels: Any = None, **changes: Any
) -> Facts:
    containers = {
        part: ObservedContainer(
            f"id-{part}",
            part.container_name("demo"),
            State.RUNNING,
            "Up 5 minutes",
            made.image,
            made.image_id,
            labels or {},
        )
        for part, made in configurations.items()
    }
    known = Facts(Group("demo", containers), configurations, Secret("sesame"), "", "17", "17")
    return replace(known, **changes)


def changed(part: Part, **changes: Any) -> dict[Part, Configuration]:
    return {**ALL, part: replace(ALL[part], **changes)}


def with_variables(**given: str) -> dict[Part, Configuration]:
    return changed(Part.PLATFORM, environment={**PLATFORM.environment, **variables(**given)})


def judge(
    known: Facts, declared: Any = None, settings: Settings = LOCAL, **options: Any
) -> Proposal:
    return propose(known, settings, declared, lambda path: path, Choices(**options))


def problems(known: Facts, declared: Any = None, settings: Settings = LOCAL) -> str:
    return "\n".join(
        f"{problem.message} | {problem.remedy}"
        for problem in judge(known, declared, settings).problems
    )


def test_an_ordinary_instance_gets_the_shortest_entry_and_changes_nothing() -> None:
    proposal = judge(facts())
    assert proposal.problems == ()
    assert proposal.entry == {
        "id": "demo",
        "label": "Sierra Leone",
        "port": 9001,
        "serverVersion": "1.6.7",
    }
    assert proposal.changes == ()
    assert proposal.is_new


def test_everything_that_an_entry_can_say_is_read_from_the_containers() -> None:
    moved = {
        part: replace(
            made,
            mounts=tuple(Mount(m.source.replace("demo", "x/y"), m.target) for m in made.mounts),
        )
        for part, made in with_variables(
            INSTANCE_LANGUAGE="fr",
            INSTANCE_CALENDAR="'ethiopian'",
            OPEN_ACCESS="1",
            ISO_COUNTRY_CODE="SL",
            STATUS_API_KEY="key",
            WEBHOOK="https://user:word@host",
        ).items()
    }
    entry = judge(facts({**moved, Part.ADMIN: ADMIN})).entry
    assert entry == {
        "id": "demo",
        "label": "Sierra Leone",
        "port": 9001,
        "serverVersion": "1.6.7",
        "adminVersion": "2.1",
        "instanceDir": "x/y",
        "french": True,
        "ethiopian": True,
        "openAccess": True,
        "env": {"ISO_COUNTRY_CODE": "SL"},
    }


def test_what_may_be_secret_is_kept_apart_and_named_without_its_value() -> None:
    proposal = judge(facts(with_variables(STATUS_API_KEY="open sesame")))
    assert proposal.variables == variables(STATUS_API_KEY="open sesame")
    assert proposal.changes == (
        "platform: STATUS_API_KEY kept with the secrets, not in the registry file",
    )
    assert "sesame" not in str(proposal)


@pytest.mark.parametrize(
    ("image", "variables_", "version"),
    [
        (STOCK, {"SERVER_VERSION": "9"}, "1.6.7"),
        ("timroberton/comb:wb-hmis-server-v1.5.2-rc1", {}, "1.5.2-rc1"),
        ("team/app:2", {"SERVER_VERSION": "'3.1'"}, "3.1"),
        ("team/app:release-v4.2", {"SERVER_VERSION": ""}, "4.2"),
    ],
)
def test_the_version_is_that_of_a_stock_image_else_what_the_platform_was_told(
    image: str, variables_: dict[str, str], version: str
) -> None:
    known = with_variables(**variables_)
    known[Part.PLATFORM] = replace(known[Part.PLATFORM], image=image)
    assert judge(facts(known)).entry["serverVersion"] == version


def test_another_image_is_named_and_keeps_the_socket_and_the_databases() -> None:
    entry = judge(facts(changed(Part.PLATFORM, image="team/app:2"))).entry
    assert entry["image"] == "team/app:2"
    assert entry["dockerSocket"] is entry["mountDatabases"] is True
    template = replace(LOCAL, platform_image="team/app:{version}")
    known = changed(Part.PLATFORM, image="team/app:1.6.7", mounts=PLATFORM.mounts[:2])
    assert judge(facts(known), settings=template).entry.keys() == {
        "id", "label", "port", "serverVersion",
    }  # fmt: skip
    bare = changed(Part.PLATFORM, mounts=PLATFORM.mounts[:2])
    entry = judge(facts(bare)).entry
    assert entry["dockerSocket"] is entry["mountDatabases"] is False


def test_a_valkey_that_keeps_a_log_goes_on_with_it() -> None:
    assert judge(facts(keeps_log=True)).entry["cachePersistence"] == "aof"


def test_addresses_become_those_of_the_settings_unless_they_are_kept() -> None:
    proposal = judge(facts(), settings=SETTINGS)
    assert proposal.changes == (
        (
            "platform: was published on 0.0.0.0:9001, becomes 127.0.0.1:9001 "
            "(`--keep-addresses` keeps the address)"
        ),
        (
            "postgres: was published on 0.0.0.0:19001, becomes 127.0.0.1:19001 (`--keep-addresses` "
            "keeps the address)"
        ),
    )
    kept = judge(facts(), settings=SETTINGS, keep_addresses=True)
    assert kept.entry["bindAddress"] == kept.entry["postgresBindAddress"] == EVERYWHERE
    assert kept.changes == ()


def test_a_new_entry_of_another_host_names_it() -> None:
    assert judge(facts(), host="ssh://far").entry["host"] == "ssh://far"
    assert "host" not in judge(facts()).entry


@pytest.mark.parametrize(
    ("known", "change"),
    [
        (
            changed(Part.POSTGRES, ports=(Port(5432, 15432, EVERYWHERE),)),
            "postgres: was published on 0.0.0.0:15432, becomes 0.0.0.0:19001",
        ),
        (changed(Part.POSTGRES, ports=()), "postgres: was not published; becomes 0.0.0.0:19001"),
        (
            changed(Part.POSTGRES, image="postgres:17.2"),
            "postgres: postgres:17.4 in the place of postgres:17.2",
        ),
        (
            changed(Part.POSTGRES, command=("postgres", "-c", "work_mem=1GB")),
            "postgres: its command `postgres -c work_mem=1GB` is not carried over",
        ),
        (changed(Part.PLATFORM, memory=2**30), "platform: its limit of 1.0 GiB memory ends"),
        (changed(Part.VALKEY, cpus=1.5), "valkey: its limit of 1.5 processors ends"),
        (
            changed(Part.PLATFORM, mounts=(*PLATFORM.mounts, Mount("/etc/x", "/x"))),
            "platform: not mounted any more: /etc/x:/x",
        ),
        (
            {Part.PLATFORM: PLATFORM, Part.POSTGRES: POSTGRES},
            "valkey: there was none; the instance gets one",
        ),
        (
            with_variables(INSTANCE_REDIRECT_URL="https://old.org"),
            f"platform: INSTANCE_REDIRECT_URL https://old.org -> https://demo.{LOCAL.domain}",
        ),
    ],
)
def test_what_users_may_notice_is_told(known: dict[Part, Configuration], change: str) -> None:
    assert judge(facts(known)).changes == (change,)


def test_more_in_valkey_than_it_may_hold_is_told() -> None:
    (change,) = judge(facts(used_memory=2**40)).changes
    assert change.startswith("valkey: holds 1024.0 GiB")


def test_a_label_and_a_key_that_change_are_told() -> None:
    settings = replace(LOCAL, passed_on=variables(CLERK_SECRET_KEY="new"))
    known = facts(with_variables(CLERK_SECRET_KEY="old"))
    declared = {"id": "demo", "label": "Demo", "port": 9001, "serverVersion": "1.6.7"}
    proposal = judge(known, declared, settings)
    assert proposal.changes == (
        "platform: INSTANCE_NAME Sierra Leone -> Demo",
        "platform: CLERK_SECRET_KEY as the settings say",
    )
    assert proposal.entry == declared
    assert not proposal.is_new


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            facts({Part.POSTGRES: POSTGRES}),
            "there is no container demo to take over (there is demo-postgres)",
        ),
        (facts({}), "there is the network alone"),
        (facts(labels={"com.docker.compose.project": "shop"}), "demo belongs to"),
        (facts(with_variables(INSTANCE_ID="mali")), "demo has INSTANCE_ID=mali"),
        (facts(others=("demo-2",)), "several platforms of demo: demo, demo-2 | Stop all but one"),
        (
            facts(with_variables(CLERK_SECRET_KEY="x")),
            (
                "demo was given CLERK_SECRET_KEY, and the settings have none | `wb config settings "
                "set CLERK_SECRET_KEY=-`"
            ),
        ),
        (
            facts(changed(Part.VALKEY, mounts=(Mount("/srv/demo/valkey_data", "/data"),))),
            (
                "demo-valkey mounts /srv/demo/valkey_data at /data, which is not "
                "/mnt/<folder>/valkey_data"
            ),
        ),
        (
            facts(changed(Part.VALKEY, mounts=(Mount("/mnt/mali/valkey_data", "/data"),))),
            "its folders lie in 2 places: ",
        ),
        (
            facts(changed(Part.VALKEY, mounts=(), volumes=("/data",))),
            "demo-valkey keeps /data in a volume of the engine",
        ),
        (facts(changed(Part.VALKEY, mounts=())), "demo-valkey keeps /data in no folder"),
        (
            facts(changed(Part.POSTGRES, environment={})),
            "demo-postgres has its database at /var/lib/postgresql/data,",
        ),
        (
            facts(password=None, password_problem="refuses it: no"),
            "the password of the database is not known: demo-postgres refuses it: no",
        ),
        (
            facts(postgres_major="15"),
            (
                "the database of demo is PostgreSQL 15, and postgres:17.4 is 17 | `wb config "
                "settings set postgres_image=postgres:15` keeps it"
            ),
        ),
        (facts(changed(Part.PLATFORM, ports=())), "must publish its port 8000 once; it does: not"),
        (
            facts(changed(Part.PLATFORM, ports=(Port(8000, 9001), Port(8000, 9002)))),
            "it does: 9001, 9002",
        ),
        (
            facts(changed(Part.PLATFORM, ports=(Port(8000, 80),))),
            "what runs breaks a rule: demo: port 80 must be a whole number from 1000 to 55535",
        ),
    ],
)
def test_what_does_not_fit_is_refused(known: Facts, words: str) -> None:
    assert words in problems(known)
    assert judge(known).changes == ()


def test_a_declared_entry_that_disagrees_is_refused_with_the_command_that_corrects_it() -> None:
    declared = {
        "id": "demo",
        "label": "Demo",
        "port": 9002,
        "serverVersion": "1.7.0",
        "adminVersion": "2.1",
    }
    told = problems(facts(), declared)
    assert "says port 9002, and 9001 runs | `wb config set demo port=9001` keeps" in told
    assert "says serverVersion 1.7.0, and 1.6.7 runs" in told
    assert "says adminVersion 2.1, and none runs | `wb config unset demo adminVersion`" in told
    assert "says image" not in told
    same = {**declared, "port": 9001, "serverVersion": "1.6.7", "image": "team/app:1"}
    assert f"says image team/app:1, and {STOCK} runs" in problems(facts(), same)

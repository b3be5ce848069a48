"""Sample data: realistic in its variety, the same for the same seed, careful with real data."""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.services import Services

from wb_cli.errors import ExitCode, UsageError
from wb_cli.server.db.address import MAIN, Address
from wb_cli.server.db.fetch_config import fetch_config
from wb_cli.server.db.migrations import migrate_all
from wb_cli.server.db.pool import Databases
from wb_cli.server.db.queries_datasets import load_hfa_items, load_hmis_items
from wb_cli.server.db.queries_items import load_items, load_replicant_options
from wb_cli.server.db.queries_metrics import load_metric_info
from wb_cli.server.db.queries_projects import Project, create_project, list_projects
from wb_cli.server.db.queries_versions import read_dataset_versions, read_object_versions
from wb_cli.server.db.writes_datasets import write_sample_mark
from wb_cli.server.sample.__main__ import parser
from wb_cli.server.sample.country import REGIONS, Country
from wb_cli.server.sample.load import load
from wb_cli.server.sample.modules import MODULES, rows_of
from wb_cli.server.sample.objects import KINDS, objects
from wb_cli.server.sample.size import Size

SMALL = Size(projects=2, objects=150, rows=300, seed=7)
SOURCE = Path(__file__).parents[3] / "wb_cli"


def everything(size: Size) -> list:
    """All data that the seed decides."""
    country = Country(size)
    results = [rows_of(m.metrics[0].results, country, size.chance("r")) for m in MODULES]
    return [
        country.facilities,
        list(country.hmis()),
        list(country.hfa()),
        *(list(rows) for rows in results),
        list(objects(size.objects, size.chance("o"))),
    ]


def test_the_same_seed_gives_the_same_data():
    assert everything(SMALL) == everything(Size(2, 150, 300, 7))


def test_another_seed_gives_other_data():
    others = everything(Size(2, 150, 300, 8))
    assert all(one != other for one, other in zip(everything(SMALL), others, strict=True))


def test_the_seed_gives_the_same_data_in_another_process():
    script = (
        "import hashlib; from wb_cli.server.sample.country import Country;"
        "from wb_cli.server.sample.size import Size;"
        "print(hashlib.sha256(repr(list(Country(Size(seed=3)).hmis())).encode()).hexdigest())"
    )
    digests = set()
    for hash_seed in ("1", "2"):
        run = asyncio.run(output_of(["-c", script], {"PYTHONHASHSEED": hash_seed}))
        digests.add(run[1])
    assert len(digests) == 1


async def output_of(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=SOURCE.parent,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def test_objects_are_shared_out_over_projects():
    size = Size(projects=3, objects=100)
    assert [size.objects_of(number) for number in range(3)] == [34, 33, 33]


def test_rows_grow_with_the_number_that_is_asked_for():
    volumes = MODULES[0].metrics[0].results
    for rows in (5_000, 20_000, 100_000):
        size = Size(rows=rows)
        made = sum(1 for _ in rows_of(volumes, Country(size), size.chance("rows")))
        assert rows <= made < rows * 1.2


def test_areas_nest():
    country = Country(Size(rows=20_000))
    regions = {district.name: district.region for district in country.districts}
    assert len(regions) == len(country.districts)
    assert set(regions.values()) == set(REGIONS)
    assert all(regions[facility[4]] == facility[3] for facility in country.facilities)


def test_objects_differ_as_those_of_users_do():
    made = list(objects(2_000, Size().chance("objects")))
    metrics = {metric.id: metric for module in MODULES for metric in module.metrics}
    fetched: Counter[tuple[str, str]] = Counter()
    for known in made:
        metric = metrics[known.metric_id]
        fetch = fetch_config(known.config, metric.value_props, metric.value_func)
        fetched[metric.results.id, fetch.hash] += 1
    assert {known.config["type"] for known in made} == set(KINDS)
    assert sum("replicateBy" in known.config for known in made) > 200
    assert len({known.id for known in made}) == 2_000
    # Most objects have a fetch config of their own. Copies share it.
    assert 0.85 < len(fetched) / len(made) < 0.95


@pytest.mark.parametrize("arguments", [["--objects", "0"], ["--rows", "-5"], ["--seed", "x"]])
def test_a_number_out_of_bounds_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(arguments)
    assert stopped.value.code == ExitCode.USAGE
    assert "is not a number from" in capsys.readouterr().err


@pytest.fixture(scope="module")
def address(services: Services) -> Address:
    parts = urlsplit(services.new_postgres().url)
    return Address(parts.hostname or "", parts.port or 0, parts.password or "")


@pytest.fixture
async def databases(address: Address):
    opened = Databases(address, prepare=migrate_all)
    await opened.wait_until_ready(30)
    yield opened
    await opened.close()


async def contents_of(databases: Databases) -> list:
    """The contents of the databases, without the versions."""
    async with databases.connect(MAIN) as connection:
        rows = [list(await connection.fetch("SELECT * FROM dataset_hmis ORDER BY 1, 2, 3"))]
        rows.append(list(await connection.fetch("SELECT * FROM facilities ORDER BY id")))
    for project in await list_projects(databases):
        async with databases.connect(project.id) as connection:
            for query in (
                "SELECT id, label, metric_id, config FROM presentation_objects ORDER BY id",
                "SELECT * FROM results_volumes ORDER BY 1, 2, 3, 4",
            ):
                rows += [list(await connection.fetch(query))]
    return rows


async def versions_of(databases: Databases) -> list:
    projects = [project.id for project in await list_projects(databases)]
    datasets = await read_dataset_versions(databases)
    return [datasets, *[await read_object_versions(databases, project) for project in projects]]


@pytest.mark.services
@pytest.mark.long
async def test_loading_again_does_nothing(databases: Databases):
    assert await load(databases, SMALL)
    before = await versions_of(databases)
    assert not await load(databases, SMALL)
    assert await versions_of(databases) == before


@pytest.mark.services
@pytest.mark.long
async def test_a_sample_made_anew_has_the_same_data_under_other_versions(databases: Databases):
    await load(databases, SMALL)
    data, versions = await contents_of(databases), await versions_of(databases)
    await load(databases, Size(projects=1, objects=20, rows=100, seed=1))
    assert [project.id for project in await list_projects(databases)] == ["sample-01"]
    await load(databases, SMALL)
    assert await contents_of(databases) == data
    for old, new in zip(versions[1], (await versions_of(databases))[1], strict=True):
        assert old.last_updated != new.last_updated
        assert old.run.last_run != new.run.last_run or not old.run.last_run


@pytest.mark.services
@pytest.mark.long
async def test_an_interrupted_sample_is_loaded_from_the_start(databases: Databases):
    await load(databases, SMALL)
    await write_sample_mark(databases, {"complete": False})
    assert await load(databases, SMALL)


@pytest.mark.services
@pytest.mark.long
async def test_every_load_of_a_sample_has_something_to_show(databases: Databases):
    await load(databases, SMALL)
    versions = await read_object_versions(databases, "sample-01")
    statuses: Counter[str] = Counter()
    for version in versions:
        fetch = version.fetch_config()
        args = (databases, "sample-01", version.results_object_id)
        loaded = await load_items(*args, fetch)
        statuses[loaded.data["status"]] += 1
        assert loaded.version == version.run.settled
    assert statuses["ok"] > 0.8 * len(versions)
    assert statuses["no_data_available"]
    assert any(version.run.settled is None for version in versions)
    info = await load_metric_info(databases, "sample-01", "volumes")
    assert {by["status"] for by in info.data["disaggregations"]} == {"ok"}
    replicants = await load_replicant_options(*args, "admin_area_2", fetch)
    assert replicants.data["status"] in ("ok", "no_values_available")
    datasets = await read_dataset_versions(databases)
    for kind in ("raw", "common"):
        hmis = await load_hmis_items(databases, kind, datasets.facility_columns)
        assert (hmis.data["status"], hmis.version) == ("ok", datasets.hmis)
    assert (await load_hfa_items(databases)).version == datasets.hfa


@pytest.mark.services
@pytest.mark.long
async def test_real_projects_are_left_alone(databases: Databases):
    await load(databases, SMALL)
    await create_project(databases, Project("sample-03", "Not a sample at all"))
    with pytest.raises(UsageError, match="sample-03"):
        await load(databases, Size(projects=3, objects=30, rows=100))
    await load(databases, Size(projects=1, objects=30, rows=100))
    assert "sample-03" in {project.id for project in await list_projects(databases)}
    await load(databases, Size(projects=3, objects=30, rows=100), replace=True)
    assert all(project.is_sample for project in await list_projects(databases))


@pytest.mark.services
@pytest.mark.long
async def test_real_datasets_are_left_alone(databases: Databases):
    await load(databases, SMALL)
    async with databases.connect(MAIN) as connection:
        await connection.execute("UPDATE instance_config SET sample_arguments = NULL")
    before = await contents_of(databases)
    with pytest.raises(UsageError, match="no sample made"):
        await load(databases, SMALL)
    assert await contents_of(databases) == before
    assert await load(databases, SMALL, replace=True)


@pytest.mark.services
@pytest.mark.long
async def test_the_command_reads_the_servers_environment(databases: Databases):
    address = databases.address
    environment = {
        "PG_HOST": address.host,
        "PG_PORT": str(address.port),
        "PG_PASSWORD": address.password,
    }
    command = ["-m", "wb_cli.server.sample", "--objects", "40", "--rows", "200", "--seed", "5"]
    code, output = await output_of(command, environment)
    assert (code, output.count("Loaded: 40 objects")) == (ExitCode.OK, 1), output
    code, output = await output_of(command, environment)
    assert (code, output.count("Already there: 40 objects")) == (ExitCode.OK, 1), output
    assert len(await read_object_versions(databases, "sample-01")) == 40


def test_an_error_is_a_message_and_an_exit_code():
    code, output = asyncio.run(output_of(["-m", "wb_cli.server.sample"], {"PG_PORT": "none"}))
    assert code == ExitCode.USAGE
    assert output.startswith("error: PG_PORT='none'")

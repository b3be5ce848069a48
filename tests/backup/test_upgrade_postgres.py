"""Another PostgreSQL under a running instance: what survives, what is refused, what comes back."""

import json
from typing import Any

import pytest
from backup.site import ROWS, Site
from support.fixtures.doctored import Doctored
from support.json_answers import check
from support.services import POSTGRES_IMAGE, wait_until

pytestmark = pytest.mark.backup

ODD = 'it\'s "odd" too'
DATABASES = ("icu", ODD)
# What a cluster may have beside tables, each with the query that shows it.
CLUSTER = """
create role reader login password 'sesame';
create role staff;
grant staff to reader;
alter role reader set work_mem = '7MB';
alter system set autovacuum_naptime = '42s';
create database "it's ""odd"" too" owner reader;
create database icu template template0 locale_provider icu icu_locale 'en-US' encoding 'UTF8';
alter database icu set timezone = 'Africa/Lagos';
alter role reader in database icu set statement_timeout = '33s';
comment on database icu is 'sorted by ICU';
revoke connect on database icu from public;
alter database postgres set lock_timeout = '21s';
"""
CONTENT = """
create extension pg_trgm;
create schema owned authorization reader;
create table owned.facts (id bigint generated always as identity primary key, word text not null
    check (word <> ''));
insert into owned.facts (word) select 'word ' || n from generate_series(1, 500) n;
create index facts_words on owned.facts using gin (word gin_trgm_ops);
alter table owned.facts owner to reader;
grant select on owned.facts to staff;
comment on table owned.facts is 'what is known';
alter table owned.facts enable row level security;
create policy all_of_it on owned.facts to staff using (true);
create sequence owned.counter start 70;
select nextval('owned.counter') from generate_series(1, 5);
create unlogged table owned.fleeting as select 1 as n;
create materialized view owned.words as select count(*) as n from owned.facts;
create table owned.parts (n int) partition by range (n);
create table owned.part_1 partition of owned.parts for values from (0) to (10);
insert into owned.parts select generate_series(0, 9);
create function owned.twice(n int) returns int language sql immutable as 'select 2 * n';
select lo_from_bytea(4711, 'a large object');
alter default privileges in schema owned grant select on tables to staff;
create collation owned.german (provider = icu, locale = 'de-DE');
create publication all_facts for table owned.facts;
"""
# A newer version knows one more privilege of owners, MAINTAIN, and stores them in another order.
PRIVILEGES = """(select array_agg(told order by told) from (
    select grantee::regrole || ' ' || privilege_type as told
    from aclexplode({}) where privilege_type <> 'MAINTAIN') found)"""
NEXT_NUMBER = "select nextval('owned.counter')"
NEXT_ROW = "insert into owned.facts (word) values ('next') returning id"
OF_CLUSTER = (
    "select rolname, rolcanlogin, rolpassword from pg_authid where rolname !~ '^pg_' order by 1",
    """select pg_get_userbyid(roleid), pg_get_userbyid(member) from pg_auth_members
    where pg_get_userbyid(roleid) !~ '^pg_' order by 1, 2""",
    """select datname, setrole::regrole, setconfig from pg_db_role_setting
    left join pg_database d on d.oid = setdatabase order by 1, 2""",
    f"""select datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider,
    datcollate, datctype, shobj_description(oid, 'pg_database'), {PRIVILEGES.format("datacl")}
    from pg_database order by 1""",
    "select setting from pg_file_settings where name = 'autovacuum_naptime'",
)
OF_DATABASE = (
    "select count(*), sum(length(word)) from owned.facts where word <> 'next'",
    f"""select relname, relkind, pg_get_userbyid(relowner), relpersistence, relrowsecurity,
    obj_description(oid, 'pg_class'), {PRIVILEGES.format("relacl")}
    from pg_class where relnamespace = 'owned'::regnamespace order by 1""",
    "select polname, polroles::regrole[] from pg_policy",
    "select count(*) from owned.parts",
    "select owned.twice(21)",
    "select convert_from(lo_get(4711), 'UTF8')",
    "select pg_get_userbyid(defaclrole), defaclacl from pg_default_acl",
    "select collname, collprovider from pg_collation where collname = 'german'",
    "select pubname from pg_publication",
    "select indexdef from pg_indexes where schemaname = 'owned' order by 1",
    "select extname from pg_extension order by 1",
)


def ask(site: Site, id_: str, sql: str, database: str = "postgres") -> str:
    words = ("psql", "-U", "postgres", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database)
    code, output = site.execute(f"{id_}-postgres", *words, "-c", sql)
    assert code == 0, output
    return output


def fill(site: Site, id_: str) -> None:
    for statement in CLUSTER.strip().split(";\n"):
        ask(site, id_, statement)
    for name in DATABASES:
        ask(site, id_, CONTENT, name)


def describe(site: Site, id_: str) -> dict[str, str]:
    found = {sql: ask(site, id_, sql) for sql in OF_CLUSTER}
    for name in DATABASES:
        found |= {f"{name}: {sql}": ask(site, id_, sql, name) for sql in OF_DATABASE}
    return found


def version(site: Site, id_: str) -> int:
    return int(site.sql(id_, "show server_version_num")) // 10_000


def entry(site: Site, id_: str) -> dict[str, Any]:
    (found,) = [each for each in json.loads(site.servers_file.read_text()) if each["id"] == id_]
    return dict(found)


def upgrade(site: Site, id_: str, image: str, *words: str, exits: int = 0) -> str:
    done = site.wb(
        "upgrade-postgres", id_, "--to", image, "--yes", "--no-backup", *words, exits=exits
    )
    return done.stdout + done.stderr


@pytest.fixture
def old(site: Site, old_postgres: str) -> str:
    """An instance on an earlier major version, with 1,000 rows."""
    return site.start(postgresImage=old_postgres)


def test_all_of_a_cluster_survives_another_major_version_and_the_way_back(
    site: Site, old: str, old_postgres: str
) -> None:
    site.wb("restart", old)
    fill(site, old)
    site.valkey(old, "set", "warm", "yes")
    before = describe(site, old)
    answer = site.json("upgrade-postgres", old, "--to", POSTGRES_IMAGE, "--yes")
    check("upgrade-postgres", json.dumps(answer))
    (ended,) = answer["instances"]
    assert (ended["result"], ended["step"], ended["image"]) == ("upgraded", "move", POSTGRES_IMAGE)
    assert ended["before"].startswith("15.")
    assert ended["after"].startswith("17.")
    assert ended["rows"] > 2000
    assert 0 < ended["awaySeconds"] < ended["seconds"]
    assert version(site, old) == 17
    assert describe(site, old) == before
    for name in DATABASES:
        assert ask(site, old, NEXT_NUMBER, name).strip() == "75"
        assert ask(site, old, NEXT_ROW, name).strip() == "501"
    assert site.count(old) == "1000"
    assert site.sql(old, "show data_checksums") == "on"
    assert site.valkey(old, "get", "warm") == "yes"
    assert entry(site, old)["postgresImage"] == POSTGRES_IMAGE
    assert len(site.backups()) == 1
    assert "no way leads back" in upgrade(site, old, old_postgres, exits=2)
    site.sql(old, "delete from kept")
    site.wb("restore", old, "--undo", "--yes")
    assert (version(site, old), site.count(old)) == (15, "1000")
    assert entry(site, old)["postgresImage"] == old_postgres
    assert site.hidden(old) == set()
    assert site.valkey(old, "get", "warm") == ""  # it knew what was written since


def test_a_changed_setting_of_the_host_is_followed_by_the_upgrade_and_left_by_the_way_back(
    site: Site, old_postgres: str
) -> None:
    id_ = site.prepare()
    site.wb("run", id_, WB_POSTGRES_IMAGE=old_postgres)
    site.sql(id_, ROWS)
    assert upgrade(site, id_, "17", "--dry-run").startswith(f"{id_}: would be moved to ")
    assert "postgresImage" not in entry(site, id_)
    upgrade(site, id_, "17")
    assert (version(site, id_), site.count(id_)) == (17, "1000")
    assert site.json("run", id_)["instances"][0]["result"] == "unchanged"
    site.wb("restore", id_, "--undo", "--yes")
    assert entry(site, id_)["postgresImage"] == old_postgres
    site.wb("restart", id_)
    assert (version(site, id_), site.count(id_)) == (15, "1000")


def test_version_18_finds_its_folder_where_its_image_expects_it(
    site: Site, old: str, next_postgres: str
) -> None:
    assert "the same" in upgrade(site, old, next_postgres)
    assert (version(site, old), site.count(old)) == (18, "1000")
    site.wb("restore", old, "--accept", "--yes")
    assert site.hidden(old) == set()
    site.wb("stop", old)
    site.wb("run", old)
    assert site.count(old) == "1000"


def test_an_instance_whose_wal_is_received_goes_back_to_moments_after_the_upgrade(
    site: Site, old_postgres: str
) -> None:
    id_ = site.start(postgresImage=old_postgres, pointInTime=True)
    site.wb("upgrade-postgres", id_, "--to", POSTGRES_IMAGE, "--yes")
    assert (version(site, id_), site.count(id_)) == (17, "1000")
    wait_until(lambda: site.json("backup", "list", id_)["moments"], "there are moments")
    site.sql(id_, "insert into kept values (0)")
    moment = site.sql(id_, "select clock_timestamp() from pg_sleep(0.01)")
    site.sql(id_, "delete from kept")
    site.wb("restore", id_, "--accept", "--yes")
    site.wb("restore", id_, "--to", moment, "--yes", "--no-backup")
    assert site.count(id_) == "1001"


def test_an_image_that_does_not_start_brings_the_old_databases_back_by_itself(
    site: Site, old: str, old_postgres: str, doctored: Doctored
) -> None:
    broken = doctored(POSTGRES_IMAGE, "broken", 'ENTRYPOINT ["false"]')
    ask(site, old, "alter system set old_snapshot_threshold = '60min'")
    said = upgrade(site, old, broken, exits=1)
    assert "does not know these settings, so they are left out: old_snapshot_threshold" in said
    assert "going back to the folders from before" in said
    assert (version(site, old), site.count(old)) == (15, "1000")
    assert entry(site, old)["postgresImage"] == old_postgres
    assert site.hidden(old) == set()


def test_an_image_without_an_extension_is_refused_while_all_serves_on(
    site: Site, old: str, doctored: Doctored
) -> None:
    poor = doctored(POSTGRES_IMAGE, "poor", "RUN rm /usr/share/postgresql/17/extension/pg_trgm.*")
    ask(site, old, "create extension pg_trgm")
    before = site.state(old)
    said = upgrade(site, old, poor, exits=1)
    assert "the image has no extension pg_trgm, which 'postgres' uses" in said
    assert site.state(old) == before
    assert site.hidden(old) == set()


def test_what_no_dump_can_bring_over_is_named_before_anything_stops(site: Site, old: str) -> None:
    ask(site, old, "create database closed allow_connections false")
    before = site.state(old)
    assert "its database closed takes no connections" in upgrade(site, old, POSTGRES_IMAGE, exits=1)
    assert site.state(old) == before


def test_writes_past_the_platform_are_not_lost_unseen(site: Site, old: str) -> None:
    """A client that connects again and again writes while the databases are copied."""
    loop = "while :; do psql -U postgres -qc 'insert into kept values (0)'; sleep 0.2; done"
    site.client.api.exec_start(
        site.client.api.exec_create(f"{old}-postgres", ["sh", "-c", loop])["Id"], detach=True
    )
    said = upgrade(site, old, POSTGRES_IMAGE, exits=1)
    assert "somebody wrote to the table public.kept" in said or "rows of public.kept" in said
    assert version(site, old) == 15
    assert {each.status for each in site.containers(old)} == {"running"}
    assert site.hidden(old) == set()


def test_the_same_major_version_is_another_image_and_it_comes_back_if_it_does_not_start(
    site: Site, doctored: Doctored
) -> None:
    id_ = site.start()
    newer = doctored(POSTGRES_IMAGE, "17.99", "ENV PG_VERSION=17.99")
    broken = doctored(POSTGRES_IMAGE, "17.100", 'ENV PG_VERSION=17.100\nENTRYPOINT ["false"]')
    words = ("upgrade-postgres", id_, "--to", newer, "--yes", "--no-backup")
    (ended,) = site.json(*words)["instances"]
    assert (ended["step"], ended["after"]) == ("restart", "17.99")
    assert entry(site, id_)["postgresImage"] == newer
    upgrade(site, id_, "17.100", exits=1)
    assert entry(site, id_)["postgresImage"] == newer
    assert site.inspect(f"{id_}-postgres")["Config"]["Image"] == newer
    assert site.count(id_) == "1000"
    assert "already" in upgrade(site, id_, "17.99")
    assert broken != newer


def test_an_instance_that_does_not_run_is_refused_with_the_command_that_starts_it(
    site: Site,
) -> None:
    id_ = site.prepare()
    assert f"`wb run {id_}` starts it" in upgrade(site, id_, POSTGRES_IMAGE, exits=1)


def test_an_image_that_is_nowhere_is_refused_before_anything_is_asked_of_the_instance(
    site: Site,
) -> None:
    id_ = site.start()
    said = upgrade(site, id_, "wb-test-none:18", exits=1)
    assert "the image wb-test-none:18 is not on this engine, and cannot be fetched" in said

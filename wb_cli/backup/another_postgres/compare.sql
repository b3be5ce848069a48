-- What a database holds, as lines of JSON: database, kind, name, number. What belongs to extensions
-- is left out, because each version of an extension has objects of its own. So are the rows of
-- materialized views, which are computed anew.
create temporary view members as
    select classid, objid from pg_depend where deptype = 'e';
create temporary view spaces as
    select oid, nspname from pg_namespace
    where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)';
select format(
    'select json_build_array(current_database(), ''rows of'', %L::text, count(*)) from only %I.%I',
    nspname || '.' || relname, nspname, relname)
from pg_class c join spaces on spaces.oid = relnamespace
where relkind = 'r' and relpersistence <> 't' order by c.oid
\gexec
select format(
    'select json_build_array(current_database(), ''the state of the sequence'', %L::text, '
    'last_value * 2 + is_called::int) from %I.%I', nspname || '.' || relname, nspname, relname)
from pg_class c join spaces on spaces.oid = relnamespace
where relkind = 'S' and relpersistence <> 't' order by c.oid
\gexec
select json_build_array(current_database(), 'number', kind, count(*))
from (
    select 'relations of kind ' || relkind::text kind
    from pg_class c join spaces on spaces.oid = relnamespace
    where relpersistence <> 't'
        and not exists (select from members where classid = 'pg_class'::regclass and objid = c.oid)
    union all
    select 'functions' from pg_proc p join spaces on spaces.oid = pronamespace
    where not exists (select from members where classid = 'pg_proc'::regclass and objid = p.oid)
    union all
    select 'constraints' from pg_constraint c join spaces on spaces.oid = connamespace
    where contype <> 'n' and not exists (
        select from members where classid = 'pg_constraint'::regclass and objid = c.oid)
    union all
    select 'triggers' from pg_trigger where not tgisinternal
    union all
    select 'large objects' from pg_largeobject_metadata
    union all
    select 'extensions' from pg_extension
    union all
    select 'settings of the database'
    from pg_db_role_setting join pg_database d on d.oid = setdatabase, unnest(setconfig)
    where datname = current_database()
) found
group by kind order by kind;

-- The same as look.sql, with the number of rows. The text is read before the rows are counted.
select format(
    'select json_build_array(current_database(), %L::text, count(*), %L::text) from %I.%I',
    n.nspname || '.' || c.relname,
    pg_relation_filenode(c.oid) || ':' || pg_stat_get_tuples_inserted(c.oid) || ':' ||
    pg_stat_get_tuples_updated(c.oid) || ':' || pg_stat_get_tuples_deleted(c.oid),
    n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'p'
and n.nspname not in ('pg_catalog', 'information_schema') order by c.oid
\gexec

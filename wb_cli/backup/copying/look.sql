-- A line of JSON for each table of which a base backup has the rows: database, table, 0, and a text
-- that is another one after each write.
select json_build_array(current_database(), n.nspname || '.' || c.relname, 0,
    pg_relation_filenode(c.oid) || ':' || pg_stat_get_tuples_inserted(c.oid) || ':' ||
    pg_stat_get_tuples_updated(c.oid) || ':' || pg_stat_get_tuples_deleted(c.oid))
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'p'
and n.nspname not in ('pg_catalog', 'information_schema') order by c.oid;

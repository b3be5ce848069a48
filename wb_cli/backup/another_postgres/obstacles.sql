-- What a dump cannot bring over to another PostgreSQL, as sentences.
select format('it has the tablespace %s, outside its folder', spcname)
from pg_tablespace where spcname not in ('pg_default', 'pg_global')
union all
select format('its database %s takes no connections, so it cannot be dumped', datname)
from pg_database where not datallowconn and datname <> 'template0'
union all
select format('the name of its database %s has a line break', to_json(datname))
from pg_database where datname ~ '[\n\r]'
union all
select format('the transaction %s of %s is prepared, and neither committed nor rolled back',
    gid, database)
from pg_prepared_xacts
union all
select format('the replication slot %s of %s is in use by another server', slot_name, database)
from pg_replication_slots where slot_type = 'logical' and not temporary;

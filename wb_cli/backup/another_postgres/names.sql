-- All databases but the empty template, as connection strings, in which two characters are escaped.
select 'dbname=''' || replace(replace(datname, '\', '\\'), '''', '\''') || ''''
from pg_database where datallowconn and datname <> 'template0' order by datname;

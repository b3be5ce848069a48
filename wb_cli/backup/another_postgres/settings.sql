-- The settings in the files of a cluster: the file's kind, the name, and the line for a file.
-- Where a file has a setting twice, the last one counts.
select distinct on (kind, name) kind, name,
    format('%s = ''%s''', name, replace(replace(setting, '\', '\\'), '''', ''''''))
from (
    select case when sourcefile ~ 'postgresql\.auto\.conf$' then 'auto' else 'own' end kind,
        name, setting, seqno
    from pg_file_settings
    where name not in ('data_directory', 'hba_file', 'ident_file', 'config_file', 'port')
        and setting is not null and setting !~ '[\n\r]'
) found
order by kind, name, seqno desc;

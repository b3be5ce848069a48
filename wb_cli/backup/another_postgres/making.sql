-- How the cluster was made, as words of initdb for a shell. Older versions lack some columns.
select concat_ws(' ',
    '--encoding=' || pg_encoding_to_char(encoding),
    format('--lc-collate=%L', datcollate),
    format('--lc-ctype=%L', datctype),
    case made ->> 'datlocprovider'
        when 'i' then format('--locale-provider=icu --icu-locale=%L',
            coalesce(made ->> 'datlocale', made ->> 'daticulocale'))
        when 'b' then format('--locale-provider=builtin --builtin-locale=%L', made ->> 'datlocale')
    end,
    '--wal-segsize=' || (select setting::bigint / 1048576 from pg_settings
        where name = 'wal_segment_size'))
from pg_database d, to_jsonb(d) made where datname = 'template0';

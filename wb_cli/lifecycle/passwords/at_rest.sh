# Give the superuser of a resting database the password in WB_PASSWORD, unless it has it already.
#
# The last line says which: `same` or `changed`. What went wrong is on stderr. The server is a
# throw-away one in a container without a network: only this script reaches it.
set -u
data=/copy/pgdata
sockets=/tmp/sockets

as_postgres() {
    su -s /bin/sh postgres -c "PATH=$PATH exec $*"
}

install -d -o postgres "$sockets"
printf 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n' >/tmp/hba
chown -R postgres "$data"
chmod 0700 "$data"
as_postgres "pg_ctl start -w -t 86400 -s -D $data -l /tmp/log -o '-c listen_addresses=127.0.0.1 \
    -c port=5432 -c unix_socket_directories=$sockets -c hba_file=/tmp/hba -c archive_mode=off \
    -c logging_collector=off -c log_statement=none -c log_min_error_statement=panic \
    -c password_encryption=scram-sha-256'" || {
    tail -n 20 /tmp/log >&2
    exit 1
}
export PGUSER=postgres PGDATABASE=postgres
if PGPASSWORD="$WB_PASSWORD" psql -h 127.0.0.1 -wXAtqc 'select 1' >/dev/null 2>&1; then
    found=same
else
    psql -h "$sockets" -v ON_ERROR_STOP=1 -Xq <<'SQL' || exit
\set password `printf %s "$WB_PASSWORD"`
alter role postgres password :'password';
SQL
    found=changed
fi
as_postgres "pg_ctl stop -w -t 86400 -s -m fast -D $data" || exit
sync
echo "$found"

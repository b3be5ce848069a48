# Start a throw-away PostgreSQL on a restored copy, check every page of every database, count rows.
#
# Each step that ends well writes its name. Then a line of JSON follows for each table. What went
# wrong is on stderr. The server has no network and no port: it answers on a socket of its own. If it
# was killed, `killed` is written: that tells nothing of the copy.
set -u
data=/copy/data
sockets=/tmp/sockets

as_postgres() {
    su -s /bin/sh postgres -c "PATH=$PATH exec $*"
}

# A server that ends by itself says in its log that it shuts down, or what is fatal.
was_killed() {
    grep -q 'terminated by signal 9' /tmp/log && return
    ! as_postgres "pg_ctl status -D $data" >/dev/null 2>&1 &&
        ! grep -v 'unexpected postmaster exit' /tmp/log | grep -Eq 'shut down|FATAL|PANIC|could not'
}

# End with an exit code, or else with that of what failed.
fail() {
    code=${1:-$?}
    ! was_killed || echo killed
    exit "$code"
}

pg_verifybackup --quiet "$data" || exit
echo verified
install -d -o postgres "$sockets"
echo 'local all all trust' >/tmp/hba
chown -R postgres "$data"
chmod 0700 "$data"
as_postgres "pg_ctl start -w -t 86400 -s -D $data -l /tmp/log -o '-c listen_addresses= \
    -c unix_socket_directories=$sockets -c hba_file=/tmp/hba -c archive_mode=off'" || {
    tail -n 20 /tmp/log >&2
    fail 1
}
echo started
export PGHOST="$sockets" PGUSER=postgres PGOPTIONS='-c statement_timeout=0'
pg_amcheck --all --install-missing >&2 || fail
echo checked
psql -d postgres -XAtqc "$WB_NAMES" | while IFS= read -r database; do
    psql -d "$database" -v ON_ERROR_STOP=1 -XAtqf /count.sql || exit
done || fail

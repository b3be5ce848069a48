# Start a throw-away PostgreSQL on a restored copy, check every page of every database, count rows.
#
# Each step that ends well writes its name. Then a line of JSON follows for each table. What went
# wrong is on stderr. The server has no network and no port: it answers on a socket of its own. If it
# was killed, `killed` is written: that tells nothing of the copy.
set -u
data=/copy/data
sockets=/tmp/sockets
. /throw_away.sh

pg_verifybackup --quiet "$data" || exit
echo verified
# What follows writes to the data. The WAL is replayed on a copy of it as it is now.
if [ -n "$WB_COPY" ] && ! cp -a --reflink=auto "$data" "$WB_COPY" 2>/dev/null; then
    rm -rf "$WB_COPY"
    echo 'not copied'
fi
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

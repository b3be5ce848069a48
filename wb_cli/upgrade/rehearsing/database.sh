# Start a throw-away PostgreSQL on a restored copy, and say `started`. It goes on until it is ended.
#
# It has no network and no port. It trusts everybody at its socket, which lies beside the copy, in a
# folder that is closed to other users of the machine. What it writes need not outlast the machine.
# Whoever asks the same again gets the same, to the last digit: one process reads the rows, in order.
set -u
data=/copy/data
sockets=/copy/data.sockets

as_postgres() {
    su -s /bin/sh postgres -c "PATH=$PATH exec $*"
}

fail() {
    tail -n 20 /tmp/log >&2
    exit 1
}

install -d -o postgres -m 0700 "$sockets"
echo 'local all all trust' >/tmp/hba
chown -R postgres "$data"
chmod 0700 "$data"
as_postgres "pg_ctl start -w -t 86400 -s -D $data -l /tmp/log -o '-c listen_addresses= \
    -c unix_socket_directories=$sockets -c hba_file=/tmp/hba -c archive_mode=off -c ssl=off \
    -c shared_buffers=128MB -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
    -c max_parallel_workers_per_gather=0 -c synchronize_seqscans=off -c autovacuum=off'" || fail
read -r server <"$data/postmaster.pid" || fail
echo started
while kill -0 "$server" 2>/dev/null; do
    sleep 1
done
fail

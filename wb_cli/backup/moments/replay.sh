# Replay received WAL on a fetched database up to the moment in WB_MOMENT.
#
# The stretch of WAL is in /wal, the database in /copy/pgdata. The last line is `reached` and the
# time of the last change that is in it. What went wrong is on stderr. With WB_MAY_END, the WAL may
# hold nothing from after the moment: all that is there is replayed then. The server is a throw-away
# one in a container without a network.
set -u
data=/copy/pgdata
sockets=/tmp/sockets
ended='recovery ended before configured recovery target was reached'

as_postgres() {
    su -s /bin/sh postgres -c "PATH=$PATH exec $*"
}

# The last segment may be one that is still being written.
cat >/tmp/segment <<'SEGMENT'
for file in "/wal/$1" "/wal/$1.partial"; do
    [ ! -e "$file" ] || { echo "$1" >>/tmp/segments; exec cp "$file" "$2"; }
done
exit 1
SEGMENT
cat >/tmp/start <<START
exec pg_ctl start -w -t 86400 -s -D $data -l /tmp/log -o "-c listen_addresses='' \
    -c unix_socket_directories=$sockets -c hba_file=/tmp/hba -c archive_mode=off \
    -c logging_collector=off -c log_destination=stderr -c log_statement=none -c lc_messages=C \
    -c log_min_messages=log -c log_min_error_statement=panic -c hot_standby=off -c jit=off \
    -c restore_command='sh /tmp/segment %f %p' -c recovery_target_timeline=current \
    -c recovery_target_action=promote \$*"
START

# Replay, and tell how far it is, until PostgreSQL is open to writes.
replay() {
    : >/tmp/log
    chown postgres /tmp/log
    touch "$data/recovery.signal"
    chown postgres "$data/recovery.signal"
    as_postgres "sh /tmp/start $*" >/dev/null 2>&1
    until psql -h "$sockets" -U postgres -d postgres -wXAtqc 'select 1' >/dev/null 2>&1; do
        as_postgres "pg_ctl status -D $data" >/dev/null 2>&1 || return 1
        [ ! -s /tmp/segments ] || echo "replaying $(sort -u /tmp/segments | wc -l)"
        sleep 0.3
    done
}

install -d -o postgres "$sockets"
: >/tmp/segments
chown postgres /tmp/segments
echo 'local all all trust' >/tmp/hba
chown -R postgres "$data"
chmod 0700 "$data"
# Said by the command line, it is not left behind in the database.
replay "-c recovery_target_time=$WB_MOMENT" || {
    [ -n "$WB_MAY_END" ] && grep -q "$ended" /tmp/log && replay
} || {
    grep -E 'FATAL|PANIC|ERROR' /tmp/log >/tmp/errors || cp /tmp/log /tmp/errors
    tail -n 5 /tmp/errors >&2
    exit 1
}
last=$(sed -n 's/.*last completed transaction was at log time //p' /tmp/log | tail -n 1)
as_postgres "pg_ctl stop -w -t 86400 -s -m fast -D $data" || exit
rm -f "$data/recovery.signal"
sync
echo "reached $last"

# Replay received WAL on a fetched database in WB_DATA, up to the moment in WB_MOMENT; without one,
# to the end of the WAL.
#
# The WAL is in /wal/stored, in /wal/near, or in both: then `near` goes on where `stored` ends. WB_LAST
# is the last segment of it. The last line is `reached` and the time of the last change that is in it.
# What went wrong is on stderr. If the server was killed, `killed` is written.
#
# Where the WAL holds nothing from after the moment, WB_AT_END says what is done: `stay` fails, `take`
# replays all that is there, and `ask` writes `more`, and waits for more WAL in another run. With
# WB_CHECK every page is checked afterwards. The server is a throw-away one in a container without a
# network.
set -u
data=$WB_DATA
sockets=/tmp/sockets
ended='recovery ended before configured recovery target was reached'
. /throw_away.sh

# The last segment may be one that is still being written. Then the disk has more of it.
cat >/tmp/segment <<'SEGMENT'
for file in "/wal/stored/$1" "/wal/near/$1" "/wal/near/$1.partial" "/wal/stored/$1.partial"; do
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

# PostgreSQL takes WAL that is damaged or missing for the end of it. At the true end are zeros. What
# a killed PostgreSQL had half written is skipped later, and is no damage.
find_damage() {
    grep -E 'LOG:  .*(incorrect|invalid|unexpected|contrecord|out-of-)' /tmp/log |
        grep -Ev 'got 0$|magic number 0000 |skipped missing contrecord' | sed 's/.*LOG:  /the WAL is damaged: /' | tail -n 1
    sort -u /tmp/segments | grep -E '^[0-9A-F]{24}$' | tail -n 1 | awk -v "last=$WB_LAST" \
        '$0 "" < last "" { print "the WAL ends in " $0 ", and was received up to " last }'
}

refuse_damage() {
    damage=$(find_damage)
    [ -z "$damage" ] || { echo "$damage" >&2; exit 1; }
}

replay_to_end() {
    replay && refuse_damage
}

replay_to_moment() {
    # Said by the command line, it is not left behind in the database.
    replay "-c recovery_target_time=$WB_MOMENT" && return
    grep -q "$ended" /tmp/log || return
    refuse_damage
    case $WB_AT_END in
        ask) echo more; exit 0 ;;
        take) replay_to_end ;;
        *) return 1 ;;
    esac
}

install -d -o postgres "$sockets"
: >/tmp/segments
chown postgres /tmp/segments
echo 'local all all trust' >/tmp/hba
chown -R postgres "$data"
chmod 0700 "$data"
if [ -n "$WB_MOMENT" ]; then replay_to_moment; else replay_to_end; fi || {
    grep -E 'FATAL|PANIC|ERROR' /tmp/log >/tmp/errors || cp /tmp/log /tmp/errors
    tail -n 5 /tmp/errors >&2
    fail 1
}
last=$(sed -n 's/.*last completed transaction was at log time //p' /tmp/log | tail -n 1)
if [ -n "$WB_CHECK" ]; then
    echo checking
    PGHOST="$sockets" PGUSER=postgres PGOPTIONS='-c statement_timeout=0' \
        pg_amcheck --all --install-missing >&2 || fail
fi
as_postgres "pg_ctl stop -w -t 86400 -s -m fast -D $data" || fail
rm -f "$data/recovery.signal"
sync
echo "reached $last"

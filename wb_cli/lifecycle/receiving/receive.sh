# Receive the WAL of a PostgreSQL over its socket, as long as this container runs.
#
# WAL that follows on without a gap, and is of one data folder, is a stretch: a folder of its own,
# named TIME.LINE. TIME is when it began, LINE tells which data folder it is of. In the folder,
# `until` has the moment up to which all is there, in seconds since the epoch. What is written to
# later is as new as its file, unless there is a file `behind`: then old WAL was still being fetched.
# While WAL arrives, /tmp/wal/receiving has the stretch, that moment, and the bytes still to come.
#
# Everything else waits in PostgreSQL, which keeps for the slot what was not received, up to a limit.
set -u
slot=wb
look_every_s=60
again_after_s=1
# So much at most is kept for the slot.
held=2GB
receiver=''
export PGHOST=/var/run/postgresql PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=10
export PGOPTIONS='-c lc_messages=C'

end() {
    trap - TERM INT
    [ -z "$receiver" ] || kill "$receiver" "$looker"
    # It writes the last that has come, and syncs it.
    [ -z "$receiver" ] || wait "$receiver"
    exit 0
}
trap end TERM INT
# No folder like /tmp, in which root and PostgreSQL's user could not replace each other's files.
mkdir -p /tmp/wal
rm -f /tmp/wal/receiving

ask() {
    psql -wXAtq -F ' ' -v ON_ERROR_STOP=1 -c "$1"
}

# The line is made as in a backup, so that the two can be compared.
read_facts() {
    ask "select md5(format('%s %s %s', system_identifier, timeline_id, extract(epoch from change))),
            pg_size_bytes(current_setting('wal_segment_size'))
        from pg_control_system(), pg_control_checkpoint(), pg_stat_file('PG_VERSION')"
}

# Without a limit, a receiver that is dead would fill the disk. A limit of the operator's stays.
limit_slot() {
    [ "$(ask 'show max_slot_wal_keep_size')" = -1 ] || return 0
    ask "alter system set max_slot_wal_keep_size = '$held'" && ask 'select pg_reload_conf()'
} >/dev/null

# A slot that lost its WAL is of no more use.
make_slot() {
    ask "select pg_drop_replication_slot(slot_name) from pg_replication_slots
            where slot_name = '$slot' and not active and wal_status = 'lost'" &&
        ask "select pg_create_physical_replication_slot('$slot', true)
            where not exists (select from pg_replication_slots where slot_name = '$slot')"
} >/dev/null

find_last() {
    ls "$1" | grep -E '^[0-9A-F]{24}(\.partial)?$' | sort | tail -n 1
}

# Name the segment with which a stretch goes on; nothing for an empty one.
name_next() {
    last=$(find_last "$1")
    case $last in
        '') ;;
        *.partial) echo "${last%.partial}" ;;
        *)
            per_log=$((0x100000000 / segment_bytes))
            rest=${last#????????}
            next=$((0x${rest%????????} * per_log + 0x${rest#????????} + 1))
            printf '%.8s%08X%08X\n' "$last" $((next / per_log)) $((next % per_log))
            ;;
    esac
}

# Say whether PostgreSQL still has, or is yet to write, what a stretch goes on with: t or f.
ask_whether_goes_on() {
    next=$(name_next "$1")
    if [ -z "$next" ]; then
        echo t
    else
        ask "select exists (select from pg_ls_waldir() where name = '$next')
            or pg_walfile_name(pg_current_wal_flush_lsn()) collate \"C\" <= '$next'"
    fi
}

choose_stretch() {
    stretch=$(ls -d /wal/*."$line" 2>/dev/null | sort | tail -n 1)
    if [ -n "$stretch" ]; then
        goes_on=$(ask_whether_goes_on "$stretch") || return
        [ "$goes_on" != t ] || return 0
        echo "WAL is missing after $(find_last "$stretch"); what comes now is a new stretch" >&2
    fi
    stretch=/wal/$(date -u +%Y%m%dT%H%M%SZ).$line
    mkdir "$stretch"
}

# Write a program that notes how much has come. It can be asked for from outside, too.
write_look() {
    cat >/tmp/wal/look <<LOOK
ask() {
    psql -h $PGHOST -U $PGUSER -d $PGDATABASE -wXAtq -F ' ' -c "\$1"
}
set -- \$(ask "select round(extract(epoch from clock_timestamp())::numeric, 3),
    pg_current_wal_flush_lsn()")
[ \$# = 2 ] || exit 1
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    sleep 0.5
    behind=\$(ask "select greatest(0, pg_wal_lsn_diff('\$2', coalesce(write_lsn, '0/0')))::bigint
        from pg_stat_replication r join pg_replication_slots s on s.active_pid = r.pid
        where s.slot_name = '$slot'")
    [ -n "\$behind" ] || exit 1
    [ "\$behind" != 0 ] || break
done
if [ "\$behind" = 0 ]; then
    echo "\$1" >$stretch/until.\$\$ && mv -f $stretch/until.\$\$ $stretch/until
    rm -f $stretch/behind
fi
echo "${stretch##*/} \$(cat $stretch/until 2>/dev/null || echo 0) \$behind" >/tmp/wal/receiving.\$\$
mv -f /tmp/wal/receiving.\$\$ /tmp/wal/receiving
LOOK
}

look_again_and_again() {
    while :; do
        pause=$look_every_s
        sh /tmp/wal/look || pause=$again_after_s
        sleep "$pause"
    done 2>/dev/null
}

receive() {
    facts=$(read_facts) || return
    line=${facts% *} segment_bytes=${facts#* }
    { limit_slot && make_slot && choose_stretch; } || return
    : >"$stretch/behind"
    write_look
    pg_receivewal -n -D "$stretch" -S "$slot" -w -s 1 &
    receiver=$!
    look_again_and_again &
    looker=$!
    wait "$receiver"
    kill "$looker"
    rm -f /tmp/wal/receiving
}

while :; do
    receive
    receiver=''
    sleep "$again_after_s" &
    wait $!
done

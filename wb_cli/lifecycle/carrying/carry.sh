# Change the form of a stopped Valkey's files: carry.sh rdb|aof
#
# Each step can be repeated. Only the last rename makes the change: if the script is killed before
# it, nothing has changed. The log that was read before is kept as appendonlydir.old.
set -eu
cd /data

log=appendonlydir
made=$log.new
old=$log.old
manifest=appendonly.aof.manifest
base=appendonly.aof.1.base.rdb
mark=wb.carried
socket=/tmp/wb-carry.sock

# When the snapshot was begun, in seconds. The snapshot holds this time; its file is written later.
snapshot_time() {
    began=$(head -c 128 dump.rdb | od -An -v -tx1 | tr -d ' \n' |
        sed -n 's/.*fa056374696d65c2\(..\)\(..\)\(..\)\(..\).*/\4\3\2\1/p')
    if [ -n "$began" ]; then echo $((0x$began)); else stat -c %Y dump.rdb; fi
}

# When Valkey last wrote to the log.
log_time() {
    stat -c %Y "$log"/appendonly.aof.* | sort -n | tail -n 1
}

# A Valkey with a log writes snapshots, too. A snapshot that is not younger than the log holds no
# other data.
is_snapshot_newest() {
    [ -e dump.rdb ] || return 1
    [ -e "$log/$manifest" ] || return 0
    [ "$(snapshot_time)" -gt "$(log_time)" ]
}

ask() {
    valkey-cli -s "$socket" "$@" 2>&1
}

# Start a Valkey that loads the log and writes the snapshot. It has no port, so no client reaches it.
save_log_as_snapshot() {
    valkey-server --dir /data --port 0 --unixsocket "$socket" --appendonly yes --save '' \
        --maxmemory 0 --auto-aof-rewrite-percentage 0 &
    server=$!
    until [ "$(ask ping)" = PONG ]; do
        kill -0 "$server"
        sleep 0.05
    done
    [ "$(ask save)" = OK ]
    chown "$(stat -c %u:%g "$log")" dump.rdb || :
    ask shutdown nosave || :
    wait "$server"
}

set_log_aside() {
    rm -rf "$old"
    mv "$log" "$old"
}

# The base of a log may be a snapshot. Valkey never changes either file, so a hard link is enough.
make_log_of_snapshot() {
    rm -rf "$made"
    mkdir "$made"
    ln dump.rdb "$made/$base" 2>/dev/null || cp -p dump.rdb "$made/$base"
    echo "file $base seq 1 type b" >"$made/$manifest"
    : >"$made/$mark"
    chown -R "$(stat -c %u:%g dump.rdb)" "$made" || :
    sync
    [ ! -e "$log" ] || set_log_aside
    mv "$made" "$log"
}

case $1 in
    rdb)
        [ -e "$log/$manifest" ] || exit 0
        is_snapshot_newest || save_log_as_snapshot
        set_log_aside
        ;;
    aof)
        trap 'rm -rf "$made"' EXIT
        if is_snapshot_newest; then
            make_log_of_snapshot
        elif [ -e "$log/$manifest" ]; then
            : >"$log/$mark"
        fi
        ;;
esac

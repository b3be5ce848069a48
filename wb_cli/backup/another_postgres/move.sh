# Move all databases of a running PostgreSQL into a new folder, which this image's version opens.
#
# move.sh prepare    make the folder with the settings of the old one, and try whether it fits
# move.sh copy       dump and load every database, and tell what both hold
#
# It runs in the network of the old PostgreSQL, whose superuser's password is in PGPASSWORD. The new
# server is a throw-away one that answers on a socket of its own, so that nobody else reaches it.
# Each line of the output says what is done now; or `obstacle SENTENCE`, `left out NAME` for a
# setting that this version does not know, `old JSON` or `new JSON` for what a database holds.
set -eu
export PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off'
folder=/copy/databases
new=$folder/pgdata
dump=/copy/.dump
sockets=/tmp/sockets
jobs=$(nproc)
[ "$jobs" -le 4 ] || jobs=4
[ "$jobs" -ge 2 ] || jobs=2
major=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')

old() {
    PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres "$@"
}

new() {
    PGHOST=$sockets PGPORT=5432 PGUSER=postgres "$@"
}

# Asks old or new a database, and stops at the first error.
ask() {
    whom=$1
    database=$2
    shift 2
    "$whom" psql -d "$database" -v ON_ERROR_STOP=1 -wXAtq "$@"
}

as_postgres() {
    su -s /bin/sh postgres -c "PATH='$PATH' exec $*"
}

# Options in front of these win over the files of the folder. Nothing of it is worth a wait for the
# disk before all of it is there.
start_new() {
    echo 'local all all trust' >/tmp/hba
    install -d -o postgres "$sockets"
    summaries=
    [ "$major" -lt 17 ] || summaries='-c summarize_wal=off'
    as_postgres "pg_ctl start -w -t 86400 -s -D $new -l /tmp/log -o '-c listen_addresses= \
        -c port=5432 -c unix_socket_directories=$sockets -c hba_file=/tmp/hba -c archive_mode=off \
        -c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
        -c autovacuum=off -c maintenance_work_mem=128MB -c max_parallel_maintenance_workers=0 \
        -c max_parallel_workers_per_gather=0 -c logging_collector=off -c log_statement=none \
        -c log_min_error_statement=panic $summaries'" || {
        echo 'the new PostgreSQL does not start with the settings of the old one:' >&2
        tail -n 10 /tmp/log >&2
        exit 1
    }
}

stop_new() {
    as_postgres "pg_ctl stop -w -t 86400 -s -m fast -D $new"
}

make_cluster() {
    echo 'making a new folder of databases'
    rm -rf "$folder" "$dump"
    install -d "$folder"
    install -d -o postgres -m 0700 "$new"
    making=$(ask old postgres -f /making.sql)
    as_postgres "initdb -D $new -U postgres --auth-local=trust --auth-host=scram-sha-256 \
        --data-checksums $making" >/tmp/initdb
}

# The settings of both files of the old cluster, but for those that are the same by themselves.
take_settings() {
    start_new
    ask old postgres -F "$tab" -f /settings.sql >/tmp/old
    ask new postgres -F "$tab" -f /settings.sql >/tmp/fresh
    ask new postgres -c 'select name from pg_settings' >/tmp/known
    stop_new
    awk -F "$tab" '
        FILENAME == "/tmp/known" { known[tolower($1)]; next }
        FILENAME == "/tmp/fresh" { fresh[$0]; next }
        $0 in fresh { next }
        !(tolower($2) in known) && index($2, ".") == 0 { print "left out " $2; next }
        { print $3 >"/tmp/" $1 ".conf" }
    ' /tmp/known /tmp/fresh /tmp/old
    if [ -e /tmp/own.conf ]; then
        { echo; echo '# From the version before:'; cat /tmp/own.conf; } >>"$new/postgresql.conf"
    fi
    [ ! -e /tmp/auto.conf ] || cat /tmp/auto.conf >>"$new/postgresql.auto.conf"
    for name in hba ident; do
        ask old postgres -c "select pg_read_file(current_setting('${name}_file'))" \
            >"$new/pg_$name.conf"
    done
}

look_for_extensions() {
    ask new postgres -c 'select name from pg_available_extensions' >/tmp/available
    ask old postgres -f /names.sql | while IFS= read -r database; do
        ask old "$database" -c 'select extname from pg_extension' | while IFS= read -r name; do
            grep -qxF -e "$name" /tmp/available ||
                echo "obstacle the image has no extension $name, which ${database#dbname=} uses"
        done
    done
}

prepare() {
    mkdir -p /copy
    printf %s "$WB_IMAGES" >/copy/.postgres-images
    ask old postgres -f /obstacles.sql >/tmp/obstacles
    sed 's/^/obstacle /' /tmp/obstacles
    make_cluster
    take_settings
    start_new
    look_for_extensions
    stop_new
}

copy_roles() {
    echo 'copying the roles'
    old pg_dumpall -w --globals-only --no-tablespaces >/tmp/roles.sql
    sed -i '/^CREATE ROLE postgres;$/d' /tmp/roles.sql
    ask new template1 -o /dev/null -f /tmp/roles.sql
}

# These two are there already, with what every new cluster has in them. They are dropped and made
# again, which nobody may disturb.
initial="^dbname='(template1|postgres)'$"

copy_database() {
    rm -rf "$dump"
    echo "dumping ${1#dbname=}"
    old pg_dump -w --format=directory --compress=0 --jobs="$jobs" --file="$dump" "$1"
    echo "loading ${1#dbname=}"
    case $1 in
        "dbname='template1'") set -- --clean --if-exists --dbname=postgres ;;
        "dbname='postgres'") set -- --clean --if-exists --dbname=template1 ;;
        *) set -- --dbname=template1 ;;
    esac
    new pg_restore --create --exit-on-error --jobs="$jobs" "$@" "$dump"
}

copy_databases() {
    [ -e "$1" ] || return 0
    while IFS= read -r database; do
        copy_database "$database"
    done <"$1"
    rm -rf "$dump"
}

tell_all() {
    for whom in old new; do
        while IFS= read -r database; do
            ask "$whom" "$database" -f /compare.sql >/tmp/held
            sed "s/^/$whom /" /tmp/held
        done </tmp/names
    done
}

copy() {
    start_new
    copy_roles
    ask old postgres -f /names.sql >/tmp/names
    awk -v "initial=$initial" '
        { print >($0 ~ initial ? "/tmp/initial" : "/tmp/" NR % 2) }
    ' /tmp/names
    copy_databases /tmp/initial
    # Two at a time. Small databases wait for the start of programs most of the time.
    dump=$dump.0 copy_databases /tmp/0 &
    other=$!
    dump=$dump.1 copy_databases /tmp/1
    wait "$other"
    echo 'reading what is in the tables, for the planner'
    new vacuumdb --all --analyze-only --jobs="$jobs" --quiet
    echo 'counting the rows'
    tell_all
    stop_new
    echo 'writing it to the disk'
    sync
}

tab=$(printf '\t')
case $1 in
    prepare) prepare ;;
    copy) copy ;;
esac

#!/bin/bash
# Start PostgreSQL as its own user, on the data folder $PGDATA, which is initialised when empty.
#
#   POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE   needed for the first start alone
#   POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS   optional, for the first start
#   /docker-entrypoint-initdb.d/*.sh, *.sql, *.sql.gz   run once, at the end of the first start
set -Eeuo pipefail
shopt -s nullglob

fail() {
    printf 'error: %s\n' "$@" >&2
    exit 1
}

# Runs as root, so that the file may be readable by root alone.
read_password_file() {
    [[ -n ${POSTGRES_PASSWORD_FILE:-} ]] || return 0
    [[ -z ${POSTGRES_PASSWORD:-} ]] || fail 'set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, not both'
    POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE") || fail "cannot read $POSTGRES_PASSWORD_FILE"
    export POSTGRES_PASSWORD
    unset POSTGRES_PASSWORD_FILE
}

take_ownership() {
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    find "$PGDATA" ! -user postgres -exec chown postgres:postgres {} +
}

# Everything happens in a folder inside $PGDATA, which then moves up, PG_VERSION last: a data
# folder is either complete or visibly unfinished, whenever the machine or the container dies.
initialise() {
    local data=$PGDATA
    # A shell that waits for a command lets signals pass by, and would then start the server.
    trap 'exit 130' INT
    trap 'exit 143' TERM
    export PGDATA=$data/.initialising
    if [[ -d $PGDATA ]]; then
        echo 'An earlier initialisation was cut off; starting over.'
        find "$data" -mindepth 1 -delete
    elif [[ -n $(ls -A "$data") ]]; then
        fail "$data is not empty, and no PostgreSQL data folder either"
    fi
    [[ -n ${POSTGRES_PASSWORD:-} ]] || fail \
        "$data is empty, and the superuser has no password" \
        'set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE for the first start'
    create_cluster
    run_first_steps "$@"
    find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$data" {} +
    sync "$data"
    mv "$PGDATA/PG_VERSION" "$data/"
    rmdir "$PGDATA"
    PGDATA=$data
}

create_cluster() {
    # shellcheck disable=SC2086  # several arguments in one variable, as the official image has it
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
}

# A temporary server that answers on the socket alone: over TCP, only the finished one does.
run_first_steps() {
    pg_ctl start --wait --silent -o "$(printf '%q ' "${@:2}" -c "listen_addresses=")"
    if [[ $POSTGRES_DB != postgres ]]; then
        ask --dbname=postgres --set=name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name";'
    fi
    local step
    for step in /docker-entrypoint-initdb.d/*; do
        run_step "$step"
    done
    pg_ctl stop --wait --silent --mode=fast
}

run_step() {
    echo "Running $1"
    case $1 in
        *.sh) if [[ -x $1 ]]; then "$1"; else . "$1"; fi ;;
        *.sql) ask --file="$1" ;;
        *.sql.gz) gunzip --stdout "$1" | ask ;;
        *) echo "Ignored: neither .sh, .sql nor .sql.gz" ;;
    esac
}

ask() {
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
        --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" "$@"
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
[[ ${1:-} == postgres ]] || exec "$@"

export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
if [[ $(id -u) == 0 ]]; then
    read_password_file
    take_ownership
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
read_password_file
[[ -s $PGDATA/PG_VERSION ]] || initialise "$@"
# The server's environment is open to everyone who may inspect the process.
unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
exec "$@"

# What is common to the programs that start a throw-away PostgreSQL on a copy: in `data` is its
# folder, and its log goes to /tmp/log.

as_postgres() {
    su -s /bin/sh postgres -c "PATH=$PATH exec $*"
}

# A server that ends by itself says in its log that it shuts down, or what is fatal.
was_killed() {
    grep -q 'terminated by signal 9' /tmp/log && return
    ! as_postgres "pg_ctl status -D $data" >/dev/null 2>&1 &&
        ! grep -v 'unexpected postmaster exit' /tmp/log | grep -Eq 'shut down|FATAL|PANIC|could not'
}

# End with an exit code, or else with that of what failed. If the server was killed, say so: that
# tells nothing of the copy.
fail() {
    code=${1:-$?}
    ! was_killed || echo killed
    exit "$code"
}

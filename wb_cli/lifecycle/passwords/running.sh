# Give the superuser of a running PostgreSQL the password in WB_PASSWORD.
#
# The database has that one or WB_PREVIOUS, if it asks for any at 127.0.0.1. It always asks at the
# address of the network. What went wrong is on stderr.
set -u
export PGUSER=postgres PGDATABASE=postgres PGPORT=5432

change() {
    psql -h 127.0.0.1 -wXq -v ON_ERROR_STOP=1 <<'SQL'
set log_statement = 'none';
set log_min_duration_statement = -1;
set log_min_error_statement = 'panic';
set password_encryption = 'scram-sha-256';
\set password `printf %s "$WB_PASSWORD"`
alter role postgres password :'password';
SQL
}

PGPASSWORD="$WB_PASSWORD" change 2>/dev/null || PGPASSWORD="$WB_PREVIOUS" change || exit
address=$(hostname -i | cut -d ' ' -f 1)
PGPASSWORD="$WB_PASSWORD" exec psql -h "$address" -wXAtqc ''

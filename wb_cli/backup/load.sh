# Load the dump on the input into a database, in the format that its first bytes tell: load.sh NAME
#
# pg_dump writes a line at the end of its SQL. Where it began and that line is missing, the dump was
# cut off, and nothing of it stays. A line that leads to another database, as pg_dumpall writes them,
# or that is another command of psql, is refused: what follows would not be in this database.
set -eu
head=$(dd bs=1 count=5 2>/dev/null; echo x)
head=${head%x}
if [ -z "$head" ]; then
    echo 'the dump is empty' >&2
    exit 1
fi
whole='
/^-- PostgreSQL database dump$/ { begun = 1 }
/^-- PostgreSQL database dump complete$/ { whole = 1 }
/^COPY .* FROM stdin;/ { copies = 1 }
/^\\\.$/ { copies = 0 }
!copies && /^\\[a-z!]/ && !/^\\(un)?restrict / {
    print "select '\''the dump has commands of psql, such as \\connect: dump one database alone'\''::int;"
    whole = 1
    exit
}
{ print }
END { if (begun && !whole) print "\n\\.\nselect '\''the dump is cut off'\''::int;" }
'
{
    printf %s "$head"
    cat
} | if [ "$head" = PGDMP ]; then
    # Owners and grants name roles that another PostgreSQL may not have.
    exec pg_restore --exit-on-error --no-owner --no-privileges --dbname="$1"
else
    LC_ALL=C awk "$whole" \
        | psql --dbname="$1" -v ON_ERROR_STOP=1 --single-transaction -Xq -o /dev/null
fi

#!/bin/sh
# Start Valkey as its own user, with its data in /data, open to the other hosts of its network.
set -eu

case ${1:-} in
    -* | *.conf) set -- valkey-server "$@" ;;
esac
[ "${1:-}" = valkey-server ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    find . ! -user valkey -exec chown valkey:valkey {} +
    exec setpriv --reuid=valkey --regid=valkey --init-groups "$0" "$@"
fi

umask 0077
shift
case ${1:-} in
    -v | --version | -h | --help | --test-memory | --check-system) exec valkey-server "$@" ;;
    "" | --*) exec valkey-server --protected-mode no "$@" ;;
esac
# A configuration file stands first.
config=$1
shift
exec valkey-server "$config" --protected-mode no "$@"

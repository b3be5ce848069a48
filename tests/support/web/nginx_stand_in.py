"""A program in nginx's place for tests without nginx. It does not run; it only tests files."""

from pathlib import Path

# It complains of the word `nonsense`, as nginx does of a directive that it does not know.
PROGRAM = r"""#!/bin/sh
folder=$(dirname "$0")
case "$1" in
    -V) echo "configure arguments: --prefix=$folder --pid-path=$folder/nginx.pid" >&2 ;;
    -t)
        found=$(grep -n nonsense "$folder"/enabled/* /dev/null | head -n 1)
        [ -z "$found" ] && exit 0
        file=${found%%:*} rest=${found#*:}
        echo "nginx: [emerg] unknown directive \"nonsense\" in $file:${rest%%:*}" >&2
        exit 1 ;;
    *) exit 1 ;;
esac
"""


def make_nginx(folder: Path) -> dict[str, str]:
    """Make the program and its folders; give the settings that name them."""
    for name in ("available", "enabled"):
        (folder / name).mkdir(parents=True)
    program = folder / "nginx"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return {
        "DOMAIN": "example.org",
        "SITES_AVAILABLE_PATH": str(folder / "available"),
        "SITES_ENABLED_PATH": str(folder / "enabled"),
        "WB_NGINX_COMMAND": str(program),
    }

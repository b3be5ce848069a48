"""End a command inside a container after its reader has gone.

The engine leaves such a command running. wb finds it by a variable that only this command and its
children have, because the engine names the process by its number outside the container.
"""

from __future__ import annotations

import secrets

VARIABLE = "WB_COMMAND"

# Like a terminal that is closed: first the interruption that Ctrl-C would send, so that psql
# cancels its query, and then the hang-up. What runs under `nohup` or `setsid` stays.
# In the file `stat`, the fields after the name are: state, parent, group, session, terminal, and
# the group in the foreground of the terminal.
SCRIPT = r"""
exec 2>/dev/null
for folder in /proc/[0-9]*; do
    grep -q "$1" "$folder/environ" && grep -q '^PPid:[[:space:]]*0$' "$folder/status" &&
        root=${folder#/proc/}
done
test "$root" || exit 0
read -r line < "/proc/$root/stat"
set -- ${line##*) }
group=$3
test "$6" -gt 0 && group=$6
kill -s INT -- "-$group"
sleep 0.2
for file in /proc/[0-9]*/stat; do
    read -r line < "$file" || continue
    set -- ${line##*) }
    test "$4" = "$root" && kill -s HUP "${line%% *}"
done
"""


def make_mark() -> str:
    """Make the variable of one command, as ``NAME=VALUE``."""
    return f"{VARIABLE}={secrets.token_hex(8)}"


def make_ending(mark: str) -> list[str]:
    """Make the command that ends the command with a mark."""
    return ["sh", "-c", SCRIPT, "sh", mark]

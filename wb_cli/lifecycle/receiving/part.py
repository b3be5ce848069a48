"""The container that receives the WAL of an instance's PostgreSQL. Pure.

It reaches PostgreSQL over a socket in a folder that both containers have. The other ways were tried
on a real engine. PostgreSQL lets nobody replicate over the instance's network, unless its own rules
of access are changed. In the network of PostgreSQL's container the receiver needs a password, is
bound to the id of a container that is replaced at the next change, and keeps a dead network while
PostgreSQL starts again. A second program in PostgreSQL's container would need another image, and
nobody would supervise it. The socket is there after each start of PostgreSQL, whoever starts it,
so the receiver is a container like any other, and may start before or after PostgreSQL.
"""

from __future__ import annotations

from importlib.resources import files

# It receives as PostgreSQL's own user, who then owns the files. The images have one or the other of
# the programs. `su` would not pass on the signal that ends the container.
START = """\
chown postgres /wal || exit
command -v gosu >/dev/null && exec gosu postgres sh -c "$1"
exec setpriv --reuid=postgres --regid=postgres --init-groups sh -c "$1"
"""
# While WAL arrives, this has the stretch, until when all is there, and the bytes still to come.
REPORT = "/tmp/wal/receiving"  # noqa: S108  (in the container)
# This brings the report up to date.
LOOK = ("sh", "/tmp/wal/look")  # noqa: S108


def make_command() -> tuple[str, ...]:
    """Make the command of the container."""
    program = files(__package__).joinpath("receive.sh").read_text()
    return ("sh", "-c", START, "receive", program)

"""The rights that no container of wb's has. Every one is made with these."""

from __future__ import annotations

# No program in it can become more than it is at its start, by a file's setuid bit for instance.
NO_NEW_PRIVILEGES = "no-new-privileges"
# What Docker gives to every container and none of ours uses: making devices, forging packets on the
# instance's network, giving files capabilities.
DROPPED_CAPABILITIES = ("MKNOD", "NET_RAW", "SETFCAP")

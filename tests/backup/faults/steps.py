"""The tasks of a backup, a trial, a clone and a restore, by the names that killed_at.py gives them.

The instance has a whole backup already, so that a backup has changes alone.
"""

BACKUP = (
    "cat",
    "snapshots",
    "dump",
    "copy",
    "store backup",
    "remove",
    "ls",
    "store manifest.json",
    "snapshots (2)",
)
PROOF = (
    "snapshots",
    "dump",
    "fetch databases",
    "fetch databases (2)",
    "combine",
    "examine",
    "ls",
    "fetch sample",
    "read",
    "remove",
    "store proof",
    "snapshots (2)",
)
FETCHED = (
    "snapshots",
    "dump",
    "fetch databases",
    "fetch databases (2)",
    "combine",
    "fetch assets",
    "fetch sandbox",
    "password",
    "in",
)
CLONE = (*FETCHED, "accept")

"""The files of cron, and of what it starts: where they lie."""

from pathlib import Path

FOLDER = Path("/etc/cron.d")
# The file that backs up by the clock where there is no systemd.
BACKUP = "wb-backup"
# The times of its files say when each job began last. Root alone writes there.
STAMPS = Path("/var/lib/wb-backup")

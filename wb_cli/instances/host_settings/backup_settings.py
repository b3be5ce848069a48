"""The settings of backups, and of restic, which keeps them."""

from wb_cli.instances.host_settings import backup_kinds, kinds
from wb_cli.instances.host_settings.setting import Setting


def _make_credential(env: str) -> Setting:
    return Setting(
        env.lower(), env, kinds.SECRET, None, "what a repository elsewhere asks for, where set"
    )


# What a repository elsewhere may need, by the names that restic gives it.
CREDENTIALS = tuple(
    _make_credential(env)
    for env in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "RESTIC_REST_USERNAME",
        "RESTIC_REST_PASSWORD",
    )
)
PLACES = (
    Setting(
        "backup_repository",
        "WB_BACKUP_REPOSITORY",
        backup_kinds.REPOSITORY,
        lambda places: str(places.data / "backups"),
        "where backups are kept: a folder, or s3:... or rest:... or sftp:... as restic has it",
    ),
    Setting(
        "backup_copies",
        "WB_BACKUP_COPIES",
        backup_kinds.REPOSITORIES,
        (),
        "further such places, to which every backup is copied, too",
    ),
    Setting(
        "backup_key",
        "WB_BACKUP_KEY",
        kinds.SECRET,
        None,
        "what opens the backups; generated where unset",
    ),
    *CREDENTIALS,
    Setting(
        "backup_ssh_key",
        "WB_BACKUP_SSH_KEY",
        kinds.PATH,
        None,
        "the file of the private key for sftp:...; else the usual one in ~/.ssh",
    ),
    Setting(
        "backup_known_hosts",
        "WB_BACKUP_KNOWN_HOSTS",
        kinds.PATH,
        None,
        "the file that names the hosts to trust for sftp:...; else ~/.ssh/known_hosts",
    ),
)
CONTENT = (
    Setting(
        "backup_full_every",
        "WB_BACKUP_FULL_EVERY",
        kinds.COUNT,
        7,
        "the days after which a backup has all of the databases again, and not the changes; 0: all",
    ),
    Setting(
        "backup_leave_out",
        "WB_BACKUP_LEAVE_OUT",
        backup_kinds.FOLDERS,
        (),
        "folders that are not backed up, of assets,sandbox",
    ),
    Setting(
        "backup_cache",
        "WB_BACKUP_CACHE",
        backup_kinds.FLAG,
        False,  # noqa: FBT003  (a default among the fields of a row)
        "whether caches are backed up, too, so that a restored instance is warm",
    ),
)
SPEED = (
    Setting(
        "backup_limit_upload",
        "WB_BACKUP_LIMIT_UPLOAD",
        backup_kinds.RATE,
        0,
        "how much is sent to a repository elsewhere in a second, such as 2m; 0: no limit",
    ),
    Setting(
        "backup_limit_read",
        "WB_BACKUP_LIMIT_READ",
        backup_kinds.RATE,
        0,
        "how much PostgreSQL reads for a copy in a second, such as 20m; 0: no limit",
    ),
    Setting(
        "backup_priority",
        "WB_BACKUP_PRIORITY",
        backup_kinds.PRIORITY,
        "low",
        "how backups stand behind what serves, for processors and disks: normal, low or idle",
    ),
    Setting(
        "backup_processors",
        "WB_BACKUP_PROCESSORS",
        kinds.COUNT,
        0,
        "how many processors a backup uses at the same time; 0: all",
    ),
)
BACKUP_SETTINGS = (
    *PLACES,
    *CONTENT,
    *SPEED,
    Setting(
        "restic_image",
        "WB_RESTIC_IMAGE",
        kinds.IMAGE,
        "restic/restic:0.18.1",
        "restic's image",
    ),
    Setting(
        "backup_keep_last",
        "WB_BACKUP_KEEP_LAST",
        kinds.COUNT,
        3,
        "how many of the newest backups of an instance `wb backup forget` keeps",
    ),
    Setting(
        "backup_keep_daily",
        "WB_BACKUP_KEEP_DAILY",
        kinds.COUNT,
        7,
        "for how many days it keeps the newest backup of the day",
    ),
    Setting(
        "backup_keep_weekly",
        "WB_BACKUP_KEEP_WEEKLY",
        kinds.COUNT,
        4,
        "for how many weeks it keeps the newest backup of the week",
    ),
    Setting(
        "backup_keep_monthly",
        "WB_BACKUP_KEEP_MONTHLY",
        kinds.COUNT,
        12,
        "for how many months it keeps the newest backup of the month",
    ),
    Setting(
        "backup_keep_wal_days",
        "WB_BACKUP_KEEP_WAL_DAYS",
        kinds.COUNT,
        14,
        "for how many days an instance with pointInTime can go back to any moment",
    ),
    Setting(
        "backup_proof_disk",
        "WB_BACKUP_PROOF_DISK",
        kinds.SIZE,
        None,
        "how much room on the disk `wb backup prove` may take; all that is free where unset",
    ),
    Setting(
        "backup_hook",
        "WB_BACKUP_HOOK",
        kinds.COMMAND,
        None,
        "a command that gets the outcome of each backup and trial as JSON on its input",
    ),
)

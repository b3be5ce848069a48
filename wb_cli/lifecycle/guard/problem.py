"""What stands in the way of a start: its words, its remedy and its kind."""

from enum import StrEnum

from msgspec import Struct


class Obstacle(StrEnum):
    """The kind of a problem. The value is shown in ``--json``."""

    NAME_TAKEN = "name taken"
    IMAGE_MISSING = "image missing"
    MOUNT_PATH = "mount path"
    FOLDER = "folder"
    DATABASE_CLOSED = "database closed"
    DATABASE_VERSION = "database version"
    DATA_IN_USE = "data in use"
    HALF_RESTORED = "half restored"
    NO_ADDRESS = "no such address"
    PORT_TAKEN = "port taken"
    DISK = "disk"
    OTHER = "other"


class Problem(Struct, frozen=True):
    """Something that would make a start fail, what to do about it, and its kind."""

    message: str
    remedy: str
    kind: Obstacle = Obstacle.OTHER

"""What restic answers: how far it is, and what it did. Pure."""

from __future__ import annotations

from msgspec import Struct

from wb_cli.quantities import describe_size


class Progress(Struct, frozen=True):
    """How far a copy has come. Times in seconds; what restic has not said yet is 0."""

    bytes_done: int = 0
    total_bytes: int = 0
    seconds_remaining: int = 0

    def __str__(self) -> str:
        left = f", {self.seconds_remaining} s left" if self.seconds_remaining else ""
        return f"{describe_size(self.bytes_done)} of {describe_size(self.total_bytes)}{left}"


class Summary(Struct, frozen=True):
    """What a backup has stored. ``data_added_packed`` are the bytes that it added on disk."""

    snapshot_id: str
    total_files_processed: int = 0
    total_bytes_processed: int = 0
    data_added_packed: int = 0


class Repaired(Struct, frozen=True):
    """How many files of data were taken out, and whether backups lack data now."""

    removed: int
    lacks_data: bool

    @property
    def was_sound(self) -> bool:
        """Whether there was nothing to mend."""
        return not (self.removed or self.lacks_data)

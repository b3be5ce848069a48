"""The copy of the registry file that an operator edits. It stays until it was taken."""

import os
import tempfile
from pathlib import Path

from msgspec import Struct

from wb_cli.errors import UsageError
from wb_cli.instances.files import file_errors, write_atomically

MODE = 0o600
EMPTY = b"[]\n"
BASE_SUFFIX = ".base"


class Draft(Struct, frozen=True):
    """A copy to edit, and beside it the content that the operator saw when he began.

    Both may hold secrets, so only their owner may read them.
    """

    path: Path

    @property
    def _base_path(self) -> Path:
        return self.path.with_name(self.path.name + BASE_SUFFIX)

    def read(self) -> bytes:
        """Read what the operator has typed."""
        with file_errors(self.path, "read"):
            return self.path.read_bytes()

    def read_base(self) -> bytes | None:
        """Read the content that the operator saw; ``None`` if there was no file.

        Raises:
            UsageError: it is not there, so the copy is none of wb's.
        """
        try:
            return self._base_path.read_bytes() or None
        except FileNotFoundError:
            raise UsageError(
                f"{self.path} is not a copy that `wb config edit` has kept",
                "`wb config edit` begins a new one; `wb config restore <file>` takes a whole file.",
            ) from None

    def write(self, text: bytes, base: bytes | None) -> None:
        """Write another text to edit, and what the operator sees beneath it."""
        write_atomically(self._base_path, base or b"", mode=MODE)
        write_atomically(self.path, text, mode=MODE)

    def remove(self) -> None:
        """Remove the copy, after it was taken."""
        self.path.unlink(missing_ok=True)
        self._base_path.unlink(missing_ok=True)


def begin(registry_file: Path, content: bytes | None) -> Draft:
    """Make a copy to edit, beside the registry file."""
    target = Path(os.path.realpath(registry_file))
    folder = target.parent if target.parent.is_dir() else None
    with file_errors(target.parent, "write to"):
        descriptor, name = tempfile.mkstemp(f"{target.suffix}", f"{target.stem}.edit-", folder)
    os.close(descriptor)
    draft = Draft(Path(name))
    draft.write(EMPTY if content is None else content, content)
    return draft

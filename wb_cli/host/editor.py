"""The operator's editor."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from wb_cli.errors import UsageError, WbError
from wb_cli.host import process

VARIABLES = ("VISUAL", "EDITOR")
USUAL = ("sensible-editor", "nano", "vim", "vi")


def choose(environ: Mapping[str, str]) -> list[str]:
    """Choose the editor: $VISUAL, $EDITOR, or else the first usual one that is installed.

    Raises:
        UsageError: there is none.
    """
    for name in VARIABLES:
        if environ.get(name, "").strip():
            try:
                return shlex.split(environ[name])
            except ValueError as error:
                raise UsageError(
                    f"{name} {environ[name]!r} cannot be read: {error}", "Correct its quotes."
                ) from None
    usual = next(filter(shutil.which, USUAL), None)
    if usual is None:
        raise UsageError("no editor is known", "Name one: `EDITOR=nano wb config edit`.")
    return [usual]


def open_file(path: Path, environ: Mapping[str, str]) -> None:
    """Let the operator edit a file, until the editor ends.

    Raises:
        WbError: the editor cannot be started, or ended with an error.
    """
    argv = [*choose(environ), str(path)]
    code = process.run_on_terminal(argv)
    if code:
        raise WbError(f"the editor `{shlex.join(argv[:-1])}` ended with exit code {code}")

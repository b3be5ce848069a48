"""Generated secrets: one file for each instance, which only its owner may read."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.files import file_errors, locked, write_atomically
from wb_cli.instances.settings import Settings
from wb_cli.secret import Secret

FILE_MODE = 0o600
FOLDER_MODE = 0o700
HASH_KEY_FILE = "hash-key"
LOCK = "secrets"
TOKEN_BYTES = 32


class InstanceSecrets(Struct, frozen=True):
    """The secrets that were generated for an instance.

    There is a password only if the instance's database was initialised with it.
    """

    admin_token: Secret
    postgres_password: Secret | None = None


class Passwords(Struct, frozen=True):
    """The password that initialises PostgreSQL, and the platform's password for it."""

    postgres: Secret
    platform: Secret


def choose_passwords(
    settings: Settings, stored: InstanceSecrets | None, *, is_initialised: bool
) -> Passwords | None:
    """Choose an instance's passwords; ``None`` means that they must be generated now. Pure.

    ``is_initialised`` says whether PGDATA holds a database. Such a database ignores a new password,
    so its old password must be known.
    """
    generated = stored.postgres_password if stored else None
    if generated is not None and is_initialised:
        # The database was initialised with it. Later settings of the host do not change that.
        return Passwords(generated, generated)
    given = settings.postgres_password or settings.pg_password
    if given is not None:
        return Passwords(settings.postgres_password or given, settings.pg_password or given)
    if generated is not None:
        return Passwords(generated, generated)
    if is_initialised:
        raise UsageError(
            "the password of the database is not known: it was initialised before",
            "Set POSTGRES_PASSWORD to the one it was initialised with.",
        )
    return None


class SecretStore:
    """The folder of generated secrets on this host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, instance_id: str) -> InstanceSecrets | None:
        """Read the secrets that were generated for an instance, if there are any."""
        path = self._path(instance_id)
        with file_errors(path, "read"):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                return None
        return _parse(content, path)

    def create(self, instance_id: str, *, with_password: bool = True) -> InstanceSecrets:
        """Generate the secrets that an instance lacks. Its other secrets stay as they are."""
        path = self._path(instance_id)
        self._make_folder()
        with locked(self.folder / LOCK):
            old = self.read(instance_id)
            new = old or InstanceSecrets(_generate())
            if with_password and new.postgres_password is None:
                new = replace(new, postgres_password=_generate())
            if new != old:
                write_atomically(path, _render(new), mode=FILE_MODE)
        return new

    def remove(self, instance_id: str) -> None:
        """Remove an instance's secrets. Without them its database cannot be opened."""
        path = self._path(instance_id)
        with file_errors(path, "remove"):
            path.unlink(missing_ok=True)

    def read_hash_key(self, *, create: bool = True) -> bytes:
        """Read the key of this host's digests of secrets, and make it if it is missing.

        Without ``create`` a missing key is empty.
        """
        path = self.folder / HASH_KEY_FILE
        if not create and not path.exists():
            return b""
        self._make_folder()
        with locked(self.folder / LOCK), file_errors(path, "read"):
            if not path.exists():
                import secrets

                write_atomically(path, secrets.token_bytes(TOKEN_BYTES), mode=FILE_MODE)
            key = path.read_bytes()
        if len(key) != TOKEN_BYTES:
            raise WbError(
                f"{path} holds {len(key)} bytes, not {TOKEN_BYTES}",
                "Remove it: a new one is made, and secrets show as changed once.",
            )
        return key

    def _path(self, instance_id: str) -> Path:
        return self.folder / f"{instance_id}.json"

    def _make_folder(self) -> None:
        with file_errors(self.folder, "create"):
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def _generate() -> Secret:
    import secrets  # (its import takes 12 ms)

    return Secret(secrets.token_urlsafe(TOKEN_BYTES))


def _render(given: InstanceSecrets) -> bytes:
    document = {"adminToken": given.admin_token.reveal()}
    if given.postgres_password is not None:
        document["postgresPassword"] = given.postgres_password.reveal()
    return f"{json.dumps(document, indent=2)}\n".encode()


def _parse(content: bytes, path: Path) -> InstanceSecrets:
    try:
        document: Any = json.loads(content)
        password = document.get("postgresPassword")
        return InstanceSecrets(
            Secret(_require_text(document["adminToken"])),
            None if password is None else Secret(_require_text(password)),
        )
    except (ValueError, KeyError, AttributeError, TypeError):
        raise WbError(
            f"cannot read the secrets in {path}: not a JSON object with adminToken",
            "Nothing was written over it. Take the file from your backups.",
        ) from None


def _require_text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value

"""Generated secrets: one file for each instance, which only its owner may read."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.files import file_errors, locked, write_atomically
from wb_cli.instances.host_settings.settings import Settings
from wb_cli.secret import Secret

FILE_MODE = 0o600
FOLDER_MODE = 0o700
HASH_KEY_FILE = "hash-key"
BACKUP_KEY_FILE = "backup-key"
LOCK = "secrets"
TOKEN_BYTES = 32


class InstanceSecrets(Struct, frozen=True):
    """The secrets of an instance: generated for it, or adopted with it.

    There is a password only if the instance's database has it. ``environment`` has the variables of
    an adopted platform that may be secret. While a password is changed, ``previous_password`` is
    the one from before: the database may have either.
    """

    admin_token: Secret
    postgres_password: Secret | None = None
    environment: Mapping[str, Secret] = field(default_factory=dict)
    previous_password: Secret | None = None


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
            "`wb repair <id>` takes it from the instance's containers, if they are there. Else set "
            "POSTGRES_PASSWORD to the one it was initialised with.",
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

    def has(self, instance_id: str) -> bool:
        """Whether a file of the instance's secrets is there. It may be damaged."""
        path = self._path(instance_id)
        with file_errors(path, "read"):
            return path.exists()

    def dump(self, instance_id: str) -> bytes:
        """Give the secrets of an instance as their file has them; empty if it has none."""
        secrets = self.read(instance_id)
        return _render(secrets) if secrets else b""

    def put(self, instance_id: str, content: bytes) -> None:
        """Keep secrets that :meth:`dump` gave. Raises ``WbError`` if they are none."""
        path = self._path(instance_id)
        self._make_folder()
        with locked(self.folder / LOCK):
            write_atomically(path, _render(_parse(content, path)), mode=FILE_MODE)

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

    def adopt(
        self, instance_id: str, password: Secret, environment: Mapping[str, Secret]
    ) -> InstanceSecrets:
        """Keep the password that a database has, and the secret variables of its platform."""
        path = self._path(instance_id)
        self._make_folder()
        with locked(self.folder / LOCK):
            old = self.read(instance_id)
            token = old.admin_token if old else _generate()
            variables = {**(old.environment if old else {}), **environment}
            previous = old.previous_password if old else None
            new = InstanceSecrets(token, password, variables, previous)
            if new != old:
                write_atomically(path, _render(new), mode=FILE_MODE)
        return new

    def bring_back(self, instance_id: str, secrets: InstanceSecrets) -> None:
        """Keep secrets that were lost. What is kept of the instance already stays as it is."""
        path = self._path(instance_id)
        self._make_folder()
        with locked(self.folder / LOCK):
            if self.read(instance_id) is None:
                write_atomically(path, _render(secrets), mode=FILE_MODE)

    def begin_rotation(self, instance_id: str, previous: Secret) -> Secret:
        """Store a new password, beside the one that the database has now, and give it."""
        new = _generate()
        self._change(
            instance_id,
            lambda old: replace(old, postgres_password=new, previous_password=previous),
        )
        return new

    def turn_rotation_back(self, instance_id: str) -> tuple[Secret, Secret]:
        """Store the password from before as the instance's own. Give it, and the newer one."""
        pair: list[Secret] = []

        def turn(old: InstanceSecrets) -> InstanceSecrets:
            own, other = old.previous_password, old.postgres_password
            if own is None or other is None:
                raise AssertionError(f"no change of the password of {instance_id} is under way")
            pair[:] = own, other
            return replace(old, postgres_password=own, previous_password=other)

        self._change(instance_id, turn)
        own, other = pair
        return own, other

    def end_rotation(self, instance_id: str) -> None:
        """Forget the password from before."""
        self._change(instance_id, lambda old: replace(old, previous_password=None))

    def _change(
        self, instance_id: str, change: Callable[[InstanceSecrets], InstanceSecrets]
    ) -> InstanceSecrets:
        path = self._path(instance_id)
        self._make_folder()
        with locked(self.folder / LOCK):
            old = self.read(instance_id) or InstanceSecrets(_generate())
            new = change(old)
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

    def read_backup_key(self) -> Secret | None:
        """Read the key of the backups; ``None`` if this host has none."""
        path = self.folder / BACKUP_KEY_FILE
        with file_errors(path, "read"):
            try:
                key = path.read_text().strip()
            except FileNotFoundError:
                return None
        if not key:
            raise WbError(
                f"{path} is empty, and it opens the backups",
                "Put the key back that was shown when it was made.",
            )
        return Secret(key)

    def create_backup_key(self) -> Secret:
        """Make the key of the backups, unless there is one."""
        self._make_folder()
        with locked(self.folder / LOCK):
            key = self.read_backup_key()
            if key is None:
                key = _generate()
                path = self.folder / BACKUP_KEY_FILE
                write_atomically(path, f"{key.reveal()}\n".encode(), mode=FILE_MODE)
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
    document: dict[str, Any] = {"adminToken": given.admin_token.reveal()}
    if given.postgres_password is not None:
        document["postgresPassword"] = given.postgres_password.reveal()
    if given.previous_password is not None:
        document["previousPostgresPassword"] = given.previous_password.reveal()
    if given.environment:
        document["environment"] = {
            name: value.reveal() for name, value in given.environment.items()
        }
    return f"{json.dumps(document, indent=2)}\n".encode()


def _parse(content: bytes, path: Path) -> InstanceSecrets:
    try:
        document: Any = json.loads(content)
        password = document.get("postgresPassword")
        previous = document.get("previousPostgresPassword")
        return InstanceSecrets(
            Secret(_require_text(document["adminToken"])),
            None if password is None else Secret(_require_text(password)),
            {
                name: Secret(_require_text(value))
                for name, value in document.get("environment", {}).items()
            },
            None if previous is None else Secret(_require_text(previous)),
        )
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise WbError(
            f"cannot read the secrets in {path}: not a JSON object with adminToken",
            "Nothing was written over it. Take the file from your backups.",
        ) from None


def _require_text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value

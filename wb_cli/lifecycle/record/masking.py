"""Mask secrets in texts that are kept. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from wb_cli.contract import Env
from wb_cli.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = "***"
# The variables whose values may be kept. All others may hold a key.
HARMLESS = {
    Env.INSTANCE_ID,
    Env.INSTANCE_NAME,
    Env.INSTANCE_LANGUAGE,
    Env.INSTANCE_CALENDAR,
    Env.OPEN_ACCESS,
    Env.INSTANCE_REDIRECT_URL,
    Env.SERVER_VERSION,
    Env.DATABASE_FOLDER,
    Env.ADMIN_VERSION,
    Env.ADMIN_SERVER_HOST,
    Env.SANDBOX_DIR_PATH_EXTERNAL,
    Env.PG_HOST,
    Env.PG_PORT,
    Env.VALKEY_URL,
    Env.POSTGRES_PASSWORD_FILE,
    Env.POSTGRES_INITDB_ARGS,
    Env.PGDATA,
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "HOSTNAME",
    "PG_MAJOR",
    "PG_VERSION",
    "GOSU_VERSION",
    "PYTHON_VERSION",
    "VALKEY_VERSION",
    "NODE_VERSION",
}
_SOUNDS_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|AUTH|DSN|SALT", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)(?=@)")
# A shorter value is a choice, such as `1` or `fr`. To mask it would spoil the text.
AT_LEAST, AT_LEAST_IF_SECRET, AT_LEAST_OF_A_LINE = 6, 3, 8


def find_secrets(environment: Mapping[str, Secret], known: Iterable[Secret]) -> frozenset[Secret]:
    """Find the texts to mask: the secrets that are known, and those of an environment."""
    values = [secret.reveal() for secret in known]
    for name, secret in environment.items():
        value = secret.reveal()
        values += [match[2] for match in _URL_PASSWORD.finditer(value)]
        if name not in HARMLESS and len(value) >= _count_needed(name):
            values.append(value)
    return frozenset(Secret(form) for value in values for form in _list_forms(value) if form)


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Mask every secret in a text, and every password of a URL."""
    for value in sorted((secret.reveal() for secret in secrets), key=len, reverse=True):
        text = text.replace(value, MASK)
    return _URL_PASSWORD.sub(rf"\1:{MASK}", text)


def may_be_secret(name: str, value: str) -> bool:
    """Whether a variable may hold a secret, by how its name sounds or as a URL with a password."""
    return bool(_SOUNDS_SECRET.search(name) or _URL_PASSWORD.search(value))


def keep_harmless(
    environment: Mapping[str, Secret], secrets: Iterable[Secret]
) -> dict[str, str | None]:
    """Keep the names of all variables, and the values of harmless ones. Others are ``None``."""
    known = tuple(secrets)
    return {
        name: mask(value.reveal(), known) if name in HARMLESS else None
        for name, value in environment.items()
    }


def _count_needed(name: str) -> int:
    return AT_LEAST_IF_SECRET if _SOUNDS_SECRET.search(name) else AT_LEAST


def _list_forms(value: str) -> Iterator[str]:
    """List the forms in which a program may print a value, and the lines of a long one."""
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    lines = value.splitlines()
    yield from (line for line in lines if len(lines) > 1 and len(line) >= AT_LEAST_OF_A_LINE)

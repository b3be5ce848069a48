"""Secrets are generated, and the right password is chosen."""

import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.secrets import InstanceSecrets, Passwords, SecretStore, choose_passwords
from wb_cli.instances.settings import load
from wb_cli.secret import Secret


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "secrets")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_generated_once(store: SecretStore) -> None:
    made = store.create("demo")
    assert made.postgres_password is not None
    assert len(made.postgres_password.reveal()) > 40
    assert made.postgres_password != made.admin_token
    assert store.create("demo") == store.read("demo") == made


def test_each_instance_has_its_own_secrets(store: SecretStore) -> None:
    assert store.create("a") != store.create("b")
    assert store.read("c") is None


def test_a_password_is_added_when_it_is_needed_and_the_token_stays(store: SecretStore) -> None:
    first = store.create("demo", with_password=False)
    assert first.postgres_password is None
    second = store.create("demo")
    assert second.postgres_password is not None
    assert second.admin_token == first.admin_token


def test_only_the_owner_may_read_the_files(store: SecretStore) -> None:
    store.create("demo")
    store.read_hash_key()
    assert mode(store.folder) == 0o700
    assert [mode(path) for path in (store.folder / "demo.json", store.folder / "hash-key")] == [
        0o600,
        0o600,
    ]


def test_no_repr_shows_a_secret(store: SecretStore) -> None:
    made = store.create("demo")
    assert made.admin_token.reveal() not in f"{made!r} {made} {store!r}"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"adminToken": 7}', b'{"adminToken": ""}', b"\xff",
                b'{"adminToken": "a", "postgresPassword": 1}'],
)  # fmt: skip
def test_a_broken_file_is_an_error_and_stays(store: SecretStore, content: bytes) -> None:
    store.create("demo")
    path = store.folder / "demo.json"
    path.write_bytes(content)
    for attempt in (store.read, store.create):
        with pytest.raises(WbError) as caught:
            attempt("demo")
        assert str(path) in caught.value.message
        assert "backups" in caught.value.hint
    assert path.read_bytes() == content


def test_the_hash_key_is_generated_once(store: SecretStore) -> None:
    key = store.read_hash_key()
    assert len(key) == 32
    assert SecretStore(store.folder).read_hash_key() == key


def test_without_create_no_hash_key_is_made(store: SecretStore) -> None:
    assert store.read_hash_key(create=False) == b""
    assert not store.folder.exists()
    key = store.read_hash_key()
    assert store.read_hash_key(create=False) == key


def test_a_broken_hash_key_is_an_error(store: SecretStore) -> None:
    store.read_hash_key()
    (store.folder / "hash-key").write_bytes(b"short")
    with pytest.raises(WbError, match="holds 5 bytes, not 32"):
        store.read_hash_key()


def test_processes_that_generate_secrets_at_once_get_the_same(store: SecretStore) -> None:
    script = """
        import sys
        from pathlib import Path
        from wb_cli.instances.secrets import SecretStore
        store = SecretStore(Path(sys.argv[1]))
        made = store.create("demo")
        sys.stdout.write(made.admin_token.reveal() + made.postgres_password.reveal())
        sys.stdout.write(store.read_hash_key().hex())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(store.folder)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(6)]
    assert len({process.communicate()[0] for process in started}) == 1
    assert [process.returncode for process in started] == [0] * 6


def test_remove_removes_the_secrets_of_one_instance(store: SecretStore) -> None:
    store.create("a")
    kept = store.create("b")
    store.remove("a")
    store.remove("a")
    assert store.read("a") is None
    assert store.read("b") == kept


GENERATED = InstanceSecrets(Secret("token"), Secret("generated"))


def choose(tmp_path: Path, environ: dict[str, str], stored: Any, *, is_initialised: bool) -> Any:
    settings = load({}, {"WB_CONFIG_DIR": str(tmp_path), **environ}, None)
    return choose_passwords(settings, stored, is_initialised=is_initialised)


@pytest.mark.parametrize("is_initialised", [True, False])
@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"POSTGRES_PASSWORD": "p"}, ("p", "p")),
        ({"PG_PASSWORD": "c"}, ("c", "c")),
        ({"POSTGRES_PASSWORD": "p", "PG_PASSWORD": "c"}, ("p", "c")),
    ],
)
def test_one_password_in_the_settings_serves_both(
    tmp_path: Path, environ: dict[str, str], expected: tuple[str, str], is_initialised: bool
) -> None:
    found = choose(tmp_path, environ, None, is_initialised=is_initialised)
    assert found == Passwords(*map(Secret, expected))


def test_a_new_database_gets_the_password_of_the_settings_before_a_generated_one(
    tmp_path: Path,
) -> None:
    found = choose(tmp_path, {"POSTGRES_PASSWORD": "p"}, GENERATED, is_initialised=False)
    assert found == Passwords(Secret("p"), Secret("p"))


@pytest.mark.parametrize("environ", [{}, {"POSTGRES_PASSWORD": "later", "PG_PASSWORD": "later"}])
def test_a_database_keeps_the_password_that_was_generated_for_it(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    found = choose(tmp_path, environ, GENERATED, is_initialised=True)
    assert found == Passwords(Secret("generated"), Secret("generated"))


@pytest.mark.parametrize("stored", [None, InstanceSecrets(Secret("token"))])
def test_without_a_known_password_a_new_database_gets_a_new_one_and_an_old_one_is_an_error(
    tmp_path: Path, stored: InstanceSecrets | None
) -> None:
    settings = load({}, {"WB_CONFIG_DIR": str(tmp_path)}, None)
    assert choose_passwords(settings, stored, is_initialised=False) is None
    with pytest.raises(UsageError) as caught:
        choose_passwords(settings, stored, is_initialised=True)
    assert "POSTGRES_PASSWORD" in caught.value.hint

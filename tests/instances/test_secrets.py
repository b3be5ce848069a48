"""Secrets are generated, and the right password is chosen."""

import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.host_settings.settings import load
from wb_cli.instances.secrets import InstanceSecrets, Passwords, SecretStore, choose_passwords
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


def test_an_adopted_password_and_secret_variables_are_kept_and_the_token_is_made(
    store: SecretStore,
) -> None:
    password, variables = Secret("it's theirs"), {"STATUS_API_KEY": Secret("key")}
    kept = store.adopt("demo", password, variables)
    assert store.read("demo") == kept
    assert kept.postgres_password == password
    assert kept.environment == variables
    assert mode(store.folder / "demo.json") == 0o600
    assert "theirs" not in repr(kept)


def test_an_adopted_password_replaces_another_and_the_token_stays(store: SecretStore) -> None:
    first = store.create("demo")
    second = store.adopt("demo", Secret("theirs"), {})
    assert second == store.adopt("demo", Secret("theirs"), {}) == store.read("demo")
    assert second.admin_token == first.admin_token
    assert second.postgres_password == Secret("theirs")
    assert store.create("demo") == second


def test_dumped_secrets_are_the_same_where_they_are_put(store: SecretStore, tmp_path: Path) -> None:
    made = store.create("demo")
    other = SecretStore(tmp_path / "other")
    other.put("demo", store.dump("demo"))
    assert other.read("demo") == made


def test_an_instance_without_secrets_has_none_to_dump(store: SecretStore) -> None:
    assert store.dump("demo") == b""


def test_what_is_no_secrets_is_not_put(store: SecretStore) -> None:
    with pytest.raises(WbError, match="cannot read the secrets"):
        store.put("demo", b"{}")
    assert store.read("demo") is None


def test_the_key_of_the_backups_is_made_once_and_only_when_it_is_asked_for(
    store: SecretStore,
) -> None:
    assert store.read_backup_key() is None
    key = store.create_backup_key()
    assert key == store.create_backup_key() == store.read_backup_key()
    assert (store.folder / "backup-key").stat().st_mode & 0o777 == 0o600


def test_an_empty_key_of_the_backups_is_an_error(store: SecretStore) -> None:
    store.create_backup_key()
    (store.folder / "backup-key").write_text("\n")
    with pytest.raises(WbError, match="is empty"):
        store.create_backup_key()


def test_while_a_password_is_changed_both_are_kept_and_it_can_be_turned_back(
    store: SecretStore,
) -> None:
    made = store.create("demo")
    assert made.postgres_password
    new = store.begin_rotation("demo", made.postgres_password)
    under_way = store.read("demo")
    assert under_way
    assert (under_way.postgres_password, under_way.previous_password) == (
        new,
        made.postgres_password,
    )
    assert store.turn_rotation_back("demo") == (made.postgres_password, new)
    store.end_rotation("demo")
    assert store.read("demo") == made


def test_a_password_of_the_settings_is_kept_while_it_is_changed(store: SecretStore) -> None:
    given = Secret("given")
    new = store.begin_rotation("demo", given)
    found = store.read("demo")
    assert found
    assert (found.postgres_password, found.previous_password) == (new, given)
    store.end_rotation("demo")
    left = store.read("demo")
    assert left
    assert (left.postgres_password, left.previous_password) == (new, None)


def test_only_a_change_that_is_under_way_is_turned_back_and_ending_none_changes_nothing(
    store: SecretStore,
) -> None:
    made = store.create("demo")
    store.end_rotation("demo")
    assert store.read("demo") == made
    with pytest.raises(AssertionError, match="no change of the password of demo is under way"):
        store.turn_rotation_back("demo")
    assert store.read("demo") == made


def test_lost_secrets_come_back_and_kept_ones_stay(store: SecretStore) -> None:
    lost = store.create("demo")
    store.remove("demo")
    store.bring_back("demo", lost)
    assert store.read("demo") == lost
    store.bring_back("demo", InstanceSecrets(Secret("other")))
    assert store.read("demo") == lost


def test_a_damaged_file_of_secrets_is_one(store: SecretStore) -> None:
    assert not store.has("demo")
    store.create("demo")
    (store.folder / "demo.json").write_text("torn")
    assert store.has("demo")

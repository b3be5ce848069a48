"""The settings that are read from the environment."""

import pytest

from wb_cli.errors import UsageError
from wb_cli.secret import Secret
from wb_cli.server.db.connections import Limits
from wb_cli.server.settings import Settings


def test_an_empty_environment_gives_defaults_that_work_outside_a_container():
    settings = Settings.from_environment({})

    assert (settings.host, settings.port, settings.log_level) == ("0.0.0.0", 8000, "info")
    assert (settings.postgres.host, settings.postgres.port) == ("localhost", 5432)
    assert settings.postgres.user == "postgres"
    assert settings.valkey_url.reveal() == "redis://localhost:6379"
    assert settings.admin_token is None


def test_the_variables_that_wb_sets_are_read():
    settings = Settings.from_environment(
        {
            "INSTANCE_ID": "demo",
            "INSTANCE_NAME": "'Demo country'",
            "SERVER_VERSION": "1.7.0",
            "PG_HOST": "demo-postgres",
            "PG_PASSWORD": "pw",
            "VALKEY_URL": "redis://demo-valkey:6379",
            "WB_ADMIN_TOKEN": "0123456789abcdef",
            "L1_MAX_MIB": "64",
        }
    )

    assert (settings.instance_id, settings.instance_name) == ("demo", "Demo country")
    assert settings.version == "1.7.0"
    assert (settings.postgres.host, settings.postgres.password) == ("demo-postgres", "pw")
    assert settings.admin_token == Secret("0123456789abcdef")
    assert settings.tuning.l1_max_bytes == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("PG_PORT", "0"),
        ("LOG_LEVEL", "loud"),
        ("WARM_CONCURRENCY", "0"),
        ("WARM_CONCURRENCY", "13"),
        ("L1_MAX_MIB", "1e3"),
        ("WEB_WORKERS", "0"),
        ("WEB_WORKERS", "5"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_by_name(name, value):
    with pytest.raises(UsageError) as refused:
        Settings.from_environment({name: value})

    assert refused.value.message.startswith(f"{name}={value!r}")
    assert refused.value.hint


@pytest.mark.parametrize("token", ["tiny", "with a space in the middle", "clé-clé-clé-clé-clé"])
def test_a_weak_token_is_refused_and_not_shown(token):
    with pytest.raises(UsageError, match="WB_ADMIN_TOKEN") as refused:
        Settings.from_environment({"WB_ADMIN_TOKEN": token})

    assert token not in refused.value.message + refused.value.hint


def test_the_server_starts_with_a_malformed_valkey_url():
    assert Settings.from_environment({"VALKEY_URL": "not a url"}).valkey_url.reveal() == "not a url"


def test_secrets_do_not_show_in_the_settings():
    settings = Settings.from_environment(
        {
            "PG_PASSWORD": "hidden-1",
            "VALKEY_URL": "redis://:hidden-2@v:6379",
            "WB_ADMIN_TOKEN": "hidden-3-hidden-3",
        }
    )

    assert "hidden" not in repr(settings)


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_the_shares_of_all_workers_are_within_the_bounds_of_the_whole(workers):
    whole = Settings.from_environment({"WEB_WORKERS": str(workers)}).tuning
    limits = Limits()

    share, of_connections = whole.share(), limits.share(workers)

    assert share.l1_max_bytes * workers <= whole.l1_max_bytes
    assert share.warm_concurrency * workers <= whole.warm_concurrency
    assert share.max_connections * workers <= whole.max_connections
    assert of_connections.total * workers <= limits.total
    assert of_connections.loads_per_database <= of_connections.loads < of_connections.total


def test_one_worker_has_the_whole():
    tuning = Settings.from_environment({}).tuning

    assert tuning.share() == tuning
    assert Limits().share(1) == Limits()

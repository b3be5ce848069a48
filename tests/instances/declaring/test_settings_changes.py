"""Differences between two contents of config.toml name the settings and hide secrets."""

from wb_cli.instances.declaring.settings_changes import find_changes


def test_only_the_named_settings_that_differ_are_told_and_secrets_are_hidden() -> None:
    old = {"domain": "a.org", "mirror": "m", "pg_password": "hush"}
    new = {"domain": "b.org", "mirror": "m", "postgres_password": "hush"}
    names = ["domain", "mirror", "pg_password", "postgres_password"]
    assert [str(change) for change in find_changes(old, new, names)] == [
        'domain: "a.org" -> "b.org"',
        "pg_password: removed",
        "postgres_password: set",
    ]
    assert list(find_changes(old, new, ["mirror"])) == []

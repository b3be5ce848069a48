"""config.toml is read with the place of each error, and written with its comments kept."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.host_settings.config_file import (
    change_settings,
    make_default_config_toml,
    write_setting,
)
from wb_cli.instances.host_settings.settings import Settings, load
from wb_cli.instances.host_settings.table import SETTINGS


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def loaded(config: Path) -> Settings:
    return load({}, {"WB_CONFIG_DIR": str(config.parent)}, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("domain = \n\n", "line 1"),
        ('domain = "a"\ndomain = "b"\n\n', "line 2"),
        ("x\n\n", "line 1"),
        ("domain = 7", "domain in"),
        ("subnet_prefix = true", "must be a whole number"),
        ("subnet_prefix = 1.5", "must be a whole number"),
        ("labels = 'x'", "must be a table of strings"),
        ("labels = {a = 1}", "must be a table of strings"),
        ("pull_images = 'x'", "must be a list of strings"),
        ("pull_images = [1]", "must be a list of strings"),
        ("mount_path = ['x']", "must be a string"),
        ("backup_cache = 'perhaps'", "must be true or false"),
        ('domain = "https://x"', "must be a domain name"),
        ("postgres_pasword = 'hush'", 'no setting "postgres_pasword"'),
        ("[network]\npool = 'x'", 'no setting "network"'),
    ],
)
def test_a_bad_file_is_refused_with_the_place_of_the_error_and_stays_as_it_is(
    config: Path, text: str, message: str
) -> None:
    config.write_text(text)
    with pytest.raises(UsageError) as caught:
        loaded(config)
    assert message in caught.value.message
    assert "config.toml" in caught.value.message
    assert "hush" not in caught.value.message
    assert caught.value.hint
    if message != "must be a domain name":  # a bad value can be mended, a bad file cannot
        with pytest.raises(UsageError):
            write_setting(config, "mirror", "mirror.org")
        assert config.read_text() == text


def test_a_flag_is_a_value_of_toml(config: Path) -> None:
    config.write_text("backup_cache = true")
    assert loaded(config).backup_cache
    config.write_text("backup_cache = false")
    assert not loaded(config).backup_cache


def test_a_misspelt_setting_suggests_the_right_one(config: Path) -> None:
    config.write_text("postgres_pasword = 'x'")
    with pytest.raises(UsageError) as caught:
        loaded(config)
    assert "postgres_password" in caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe", b"domain = '\xe9'"])
def test_a_file_that_is_not_utf_8_is_refused(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    with pytest.raises(UsageError, match="cannot read"):
        loaded(config)


def test_a_folder_in_place_of_the_file_is_refused(config: Path) -> None:
    config.mkdir()
    with pytest.raises(WbError, match="is a directory"):
        loaded(config)


def test_an_empty_file_and_empty_values_set_nothing(config: Path) -> None:
    config.write_text('mirror = ""\nlabels = {}\npull_images = []\npostgres_password = ""')
    assert set(loaded(config).origins.values()) == {"default"}


def test_the_default_file_sets_nothing_and_explains_every_setting(config: Path) -> None:
    config.write_text(make_default_config_toml())
    assert set(loaded(config).origins.values()) == {"default"}
    for setting in SETTINGS:
        assert f"# {setting.help}\n# {setting.name} = " in make_default_config_toml()


def test_every_line_of_the_default_file_is_valid_without_its_comment_sign(config: Path) -> None:
    config.write_text(re.sub(r"(?m)^# (\w+ = )", r"\1", make_default_config_toml()))
    plain = load({}, {"WB_CONFIG_DIR": str(config.parent / "none")}, None)
    found = loaded(config)
    assert all(found.get_value(setting) == plain.get_value(setting) for setting in SETTINGS)
    assert found.origins["domain"] == "config.toml"


VALUES = [
    ("domain", "example.org", "example.org"),
    ("mount_path", "/srv/data", Path("/srv/data")),
    ("subnet_prefix", "27", 27),
    ("valkey_max_memory", "2g", 2 * 1024**3),
    ("valkey_max_memory", "8000000", 8_000_000),
    ("log_max_size", "64k", 65536),
    ("log_max_files", "5", 5),
    (
        "postgres_settings",
        "work_mem=16mb,max_connections=200",
        {"work_mem": "16MB", "max_connections": "200"},
    ),
    ("pull_images", "a:1,b:2", ("a:1", "b:2")),
    ("backup_cache", "yes", True),
    ("backup_leave_out", "assets, sandbox", ("assets", "sandbox")),
    ("labels", "team=data,site=west", {"team": "data", "site": "west"}),
    ("platform_image", "wb-platform:{version}", "wb-platform:{version}"),
]


@pytest.mark.parametrize(("name", "text", "value"), VALUES)
def test_a_written_value_is_read_again(config: Path, name: str, text: str, value: Any) -> None:
    write_setting(config, name, text)
    assert getattr(loaded(config), name) == value
    assert loaded(config).origins[name] == "config.toml"


def test_every_setting_can_be_written_even_after_a_table(config: Path) -> None:
    config.write_text('# mine\n[labels]\nteam = "data" # why\n')
    for name, text, _ in VALUES[:-2]:
        write_setting(config, name, text)
    found = loaded(config)
    assert found.labels == {"team": "data"}
    assert found.domain == "example.org"
    assert "# mine" in config.read_text()
    assert "# why" in config.read_text()


def test_a_write_keeps_comments_mode_and_the_other_settings(config: Path) -> None:
    config.write_text('# our mirror\nmirror = "old.org"  # slow\n\n# last\ndomain = "a.org"\n')
    config.chmod(0o640)
    write_setting(config, "mirror", "new.org")
    assert config.read_text() == (
        '# our mirror\nmirror = "new.org"  # slow\n\n# last\ndomain = "a.org"\n'
    )
    assert stat.S_IMODE(config.stat().st_mode) == 0o640


def test_a_missing_file_is_made_from_the_default_text_for_its_owner_alone(
    tmp_path: Path,
) -> None:
    config = tmp_path / "new" / "config.toml"
    write_setting(config, "mirror", "m.org")
    assert "# the registry file" in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


@pytest.mark.parametrize(("name", "text"), [("mirror", "https://x"), ("mirrr", "x")])
def test_a_bad_value_or_name_is_not_written(config: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError):
        write_setting(config, name, text)
    assert not config.exists()


def test_several_settings_are_changed_at_once_or_not_at_all(config: Path) -> None:
    before = change_settings(config, {"mirror": "m.org", "domain": "x.org"})
    assert before == {}
    assert change_settings(config, {"mirror": None, "labels": None}) == {
        "mirror": "m.org",
        "domain": "x.org",
    }
    content = config.read_text()

    def refuse(texts: dict[str, str]) -> None:
        assert texts == {"domain": "x.org", "mirror": "n.org"}
        raise UsageError("no")

    with pytest.raises(UsageError, match="no"):
        change_settings(config, {"mirror": "n.org"}, refuse)
    assert config.read_text() == content


def test_a_field_of_an_instance_is_no_setting(config: Path) -> None:
    with pytest.raises(UsageError, match='there is no setting "memory"') as caught:
        change_settings(config, {"memory": "2g"})
    assert "`wb config set <id> memory=...`" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("log_max_size", "1k", 'log_max_size "1k" must be a size from 64k to 1g'),
        ("log_max_size", "much", "a size from 64k to 1g"),
        ("log_max_files", "0", "a whole number from 1 to 100"),
        ("log_max_files", "many", "a whole number from 1 to 100"),
        ("postgres_settings", "work_mem", "written as work_mem=16MB,max_connections=200"),
        ("postgres_settings", "work_mem=16", 'takes. work_mem "16" must be a size from 64kB'),
        ("postgres_settings", "workmem=16MB", "Did you mean work_mem?"),
    ],
)
def test_a_wrong_limit_is_refused_with_what_is_allowed(
    config: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        write_setting(config, name, text)


def test_settings_of_postgresql_may_be_a_table_of_toml_values(config: Path) -> None:
    config.write_text(
        'postgres_settings = {work_mem = "16MB", max_connections = 50, jit = false}\n'
    )
    assert loaded(config).postgres_settings == {
        "work_mem": "16MB",
        "max_connections": "50",
        "jit": "off",
    }
    config.write_text('postgres_settings = "work_mem=16MB"\n')
    with pytest.raises(UsageError, match=r"postgres_settings in .* must be a table"):
        loaded(config)

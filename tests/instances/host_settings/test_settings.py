"""The settings of this host, and the origin of each value.

It covers settings.py, and the table and the kinds of settings: setting_table.py and kinds.py.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from wb_cli.errors import UsageError, WbError
from wb_cli.instances.host_settings.backup_settings import CREDENTIALS
from wb_cli.instances.host_settings.setting import Places
from wb_cli.instances.host_settings.settings import Settings, load
from wb_cli.instances.host_settings.table import SETTINGS
from wb_cli.secret import Secret


@dataclasses.dataclass
class Host:
    """A settings folder, an environment and a command line to load settings from."""

    folder: Path
    environ: dict[str, str]

    def load(self, env_file: Path | None = None, **flags: str) -> Settings:
        return load(flags, {"WB_CONFIG_DIR": str(self.folder), **self.environ}, env_file)

    def toml(self, text: str) -> Path:
        (self.folder / "config.toml").write_text(text)
        return self.folder / "config.toml"

    def dotenv(self, text: str) -> Path:
        (self.folder / ".env").write_text(text)
        return self.folder / ".env"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    folder = tmp_path / "config"
    folder.mkdir()
    return Host(folder, {})


def test_without_any_configuration_every_setting_has_its_default(host: Host) -> None:
    found = host.load()
    assert found.domain == "localhost"
    assert found.postgres_image == "postgres:17.4"
    assert found.passed_on == {}
    assert set(found.origins.values()) == {"default"}


@pytest.mark.parametrize(
    ("uid", "config", "data"),
    [
        (0, platformdirs.site_config_dir, platformdirs.site_data_dir),
        (1000, platformdirs.user_config_dir, platformdirs.user_data_dir),
    ],
)
def test_root_has_the_sites_folders_and_another_user_has_his_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uid: int, config: Any, data: Any
) -> None:
    for name in ("XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    found = load({}, {}, None)
    assert found.config_file == Path(config("wb")) / "config.toml"
    assert found.servers_file == Path(data("wb")) / "servers.json"
    assert found.secrets_dir.parent == found.mount_path.parent == Path(data("wb"))


def test_folders_that_a_desktop_puts_first_do_not_replace_the_usual_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_DATA_DIRS", "/var/lib/flatpak/share:/usr/local/share/:/usr/share")
    monkeypatch.setenv("XDG_CONFIG_DIRS", "/etc/xdg/xdg-ubuntu:/etc/xdg")
    found = load({}, {}, None)
    assert found.config_file == Path("/etc/xdg/wb/config.toml")
    assert found.servers_file == Path("/usr/local/share/wb/servers.json")


def test_flag_wins_over_environment_over_env_file_over_config_over_default(host: Host) -> None:
    seen = []
    seen.append((host.load().domain, "default"))
    host.toml('domain = "toml.org"')
    seen.append((host.load().domain, "config.toml"))
    env_file = host.dotenv("# fleet\nDOMAIN=dotenv.org\n")
    seen.append((host.load().domain, f".env {env_file}:2"))
    host.environ["DOMAIN"] = "environment.org"
    seen.append((host.load().domain, "environment DOMAIN"))
    seen.append((host.load(domain="flag.org").domain, "flag"))
    assert [value.partition(".")[0] for value, _ in seen] == [
        "localhost", "toml", "dotenv", "environment", "flag",
    ]  # fmt: skip
    assert host.load(domain="flag.org").origins["domain"] == "flag"
    assert host.load().origins["domain"] == "environment DOMAIN"
    del host.environ["DOMAIN"]
    assert host.load().origins["domain"] == f".env {env_file}:2"
    env_file.unlink()
    assert host.load().origins["domain"] == "config.toml"


def test_an_env_file_of_the_command_line_replaces_the_settings_folders(
    host: Host, tmp_path: Path
) -> None:
    host.dotenv("DOMAIN=usual.org\nWB_MIRROR=usual.org")
    other = tmp_path / "other.env"
    other.write_text("DOMAIN=other.org")
    found = host.load(other)
    assert (found.domain, found.mirror) == ("other.org", "")


def test_a_missing_env_file_is_an_error(host: Host, tmp_path: Path) -> None:
    with pytest.raises(WbError, match="no such file"):
        host.load(tmp_path / "other.env")


def test_no_env_file_is_read_from_the_current_folder(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DOMAIN=here.org")
    monkeypatch.chdir(tmp_path)
    assert host.load().domain == "localhost"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_an_empty_value_counts_as_not_set(host: Host, setting: Any) -> None:
    host.environ[setting.env] = ""
    host.dotenv(f"{setting.env}=")
    assert host.load().origins[setting.name] == "default"


def test_relative_paths_start_from_the_file_that_names_them_or_the_current_folder(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    host.toml('secrets_dir = "hidden"')
    host.dotenv("MOUNT_PATH=data")
    host.environ["SERVERS_FILE_PATH"] = "servers.json"
    found = host.load()
    assert found.secrets_dir == host.folder / "hidden"
    assert found.mount_path == host.folder / "data"
    assert found.servers_file == tmp_path / "servers.json"
    assert host.load(mount_path="~/data").mount_path == Path.home() / "data"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("WB_LABELS", "team=data, site=west", {"team": "data", "site": "west"}),
        ("WB_PULL_IMAGES", "a:1, b:2", ("a:1", "b:2")),
        ("WB_MIRROR", "mirror.org:5000/hub/", "mirror.org:5000/hub"),
        ("WB_MIRROR", "/", ""),
        ("WB_SUBNET_POOL", "10.0.0.0/8", "10.0.0.0/8"),
        ("WB_SUBNET_PREFIX", "28", 28),
        ("WB_VALKEY_MAX_MEMORY", "1g", 1024**3),
        ("WB_CACHE_PERSISTENCE", "aof", "aof"),
        ("WB_PLATFORM_IMAGE", "wb-platform:{version}", "wb-platform:{version}"),
        ("WB_BIND_ADDRESS", "0.0.0.0", "0.0.0.0"),
        ("DOMAIN", "Example.org.", "example.org"),
        ("WB_NGINX_COMMAND", " nginx -c '/a b' ", "nginx -c '/a b'"),
        ("WB_NGINX_HTTP", "80,[::]:80, 192.0.2.1:8080,80", ("80", "[::]:80", "192.0.2.1:8080")),
        ("WB_NGINX_TIMEOUT", "30", 30),
        ("WB_NGINX_UPSTREAM", "10.0.0.5", "10.0.0.5"),
        ("WB_BACKUP_REPOSITORY", "/srv/backups", "/srv/backups"),
        ("WB_BACKUP_REPOSITORY", " s3:https://s3/bucket ", "s3:https://s3/bucket"),
        ("WB_BACKUP_REPOSITORY", "sftp:me@host:/srv/b", "sftp:me@host:/srv/b"),
        ("WB_BACKUP_REPOSITORY", "sftp://me@host:2222//srv/b", "sftp://me@host:2222//srv/b"),
        ("WB_BACKUP_COPIES", "/mnt/usb, sftp:me@host:b", ("/mnt/usb", "sftp:me@host:b")),
        ("WB_BACKUP_COPIES", "/a /b /a", ("/a", "/b")),
        ("WB_BACKUP_LEAVE_OUT", "sandbox assets", ("sandbox", "assets")),
        ("WB_BACKUP_CACHE", "1", True),
        ("WB_BACKUP_CACHE", "no", False),
        ("WB_BACKUP_LIMIT_UPLOAD", "512k", 512 * 1024),
        ("WB_BACKUP_LIMIT_UPLOAD", "2m/s", 2 * 1024**2),
        ("WB_BACKUP_LIMIT_READ", "0", 0),
        ("WB_BACKUP_PRIORITY", "idle", "idle"),
        ("AWS_SECRET_ACCESS_KEY", "hush", Secret("hush")),
        ("WB_NGINX_FORWARD", "metrics, changes", ("metrics", "changes")),
        ("WB_ACME_SERVER", " https://ca.example.org/acme/dir ", "https://ca.example.org/acme/dir"),
        ("WB_ACME_EMAIL", "ops@example.org", "ops@example.org"),
        ("WB_ACME_EMAIL", "none", "none"),
        ("WB_CERTIFICATES_PER_WEEK", "0", 0),
        ("WB_DNS_PLUGIN", "dns-cloudflare", "cloudflare"),
        ("POSTGRES_PASSWORD", "pa ss'w\"örd", Secret("pa ss'w\"örd")),
    ],
)
def test_text_from_the_environment_is_read_by_its_kind(
    host: Host, name: str, text: str, value: Any
) -> None:
    host.environ[name] = text
    found = host.load()
    setting = next(setting for setting in SETTINGS if setting.env == name)
    assert found.get_value(setting) == value


@pytest.mark.parametrize(
    "address", ["rest:https://me:hush@host/", "sftp://me:hush@host/b", "sftp:me:hush@host:/b"]
)
def test_a_password_in_an_address_is_refused_and_not_shown(host: Host, address: str) -> None:
    host.environ["WB_BACKUP_REPOSITORY"] = address
    with pytest.raises(UsageError, match="an address without a password") as caught:
        host.load()
    assert "hush" not in caught.value.message


def test_keys_for_the_platform_are_passed_on_under_their_own_names(host: Host) -> None:
    host.environ["CLERK_SECRET_KEY"] = "hush"
    host.toml('anthropic_api_key = "quiet"')
    found = host.load()
    assert found.passed_on == {
        "CLERK_SECRET_KEY": Secret("hush"),
        "ANTHROPIC_API_KEY": Secret("quiet"),
    }
    assert "hush" not in repr(found)


def test_a_removed_current_folder_is_an_error_for_relative_paths_alone(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    host.environ["MOUNT_PATH"] = "/srv/data"
    assert host.load().mount_path == Path("/srv/data")
    host.environ["MOUNT_PATH"] = "data"
    with pytest.raises(UsageError, match="the current folder is gone"):
        host.load()


BAD = [
    ("MOUNT_PATH", " ", "a path"),
    ("MOUNT_PATH", "a\nb", "a path"),
    ("MOUNT_PATH", "~nobody-of-that-name/x", "no such user"),
    ("DOMAIN", "https://example.org", "a domain name"),
    ("DOMAIN", "a..b", "a domain name"),
    ("DOMAIN", "-a.org", "a domain name"),
    ("DOMAIN", "a" * 300, "a domain name"),
    ("WB_POSTGRES_IMAGE", "post gres", "an image reference"),
    ("WB_PLATFORM_IMAGE", "app:{versoin}", "an image reference"),
    ("WB_ADMIN_IMAGE", "{}", "an image reference"),
    ("WB_PULL_IMAGES", "ok:1,not ok", "an image reference"),
    ("WB_MIRROR", "https://mirror.org", "a registry without scheme"),
    ("WB_BIND_ADDRESS", "localhost", "an IP address"),
    ("WB_POSTGRES_BIND_ADDRESS", "1.2.3", "an IP address"),
    ("WB_POSTGRES_BIND_ADDRESS", "fe80::1%eth0", "an IP address"),
    ("WB_SUBNET_POOL", "10.213.0.1/16", "a private IPv4 network"),
    ("WB_SUBNET_POOL", "8.8.0.0/16", "a private IPv4 network"),
    ("WB_SUBNET_POOL", "fd00::/64", "a private IPv4 network"),
    ("WB_SUBNET_POOL", "10.213.0.0/30", "a private IPv4 network"),
    ("WB_SUBNET_PREFIX", "30", "from 16 to 29"),
    ("WB_SUBNET_PREFIX", "x", "from 16 to 29"),
    ("WB_SUBNET_PREFIX", "²⁶", "from 16 to 29"),
    ("WB_VALKEY_MAX_MEMORY", "lots", "a size"),
    ("WB_CACHE_PERSISTENCE", "none", '"rdb" or "aof"'),
    ("WB_NGINX_COMMAND", "nginx '", "a command line"),
    ("WB_NGINX_COMMAND", "a\nb", "a command line"),
    ("WB_NGINX_HTTP", "http", "ports, or addresses"),
    ("WB_NGINX_HTTP", ",", "ports, or addresses"),
    ("WB_NGINX_HTTP", "70000", "ports, or addresses"),
    ("WB_NGINX_HTTPS", "1.2.3:443", "ports, or addresses"),
    ("WB_NGINX_HTTPS", "443; root /", "ports, or addresses"),
    ("WB_NGINX_HTTPS", "[fe80::1%x;]:443", "ports, or addresses"),
    ("WB_BACKUP_REPOSITORY", "ftp:host", "a folder, or an address such as s3:"),
    ("WB_BACKUP_REPOSITORY", "rest:https://host/a b", "a folder, or an address such as s3:"),
    ("WB_BACKUP_COPIES", "/mnt/usb ftp:host", "a folder, or an address such as s3:"),
    ("WB_BACKUP_LEAVE_OUT", "databases", "words of assets, sandbox"),
    ("WB_BACKUP_CACHE", "maybe", "yes or no"),
    ("WB_BACKUP_LIMIT_UPLOAD", "10", "a size per second"),
    ("WB_BACKUP_LIMIT_READ", "2g", "a size per second"),
    ("WB_BACKUP_PRIORITY", "high", '"normal" or "low" or "idle"'),
    ("WB_NGINX_UPSTREAM", "10.0.0.5:80", "the IP address of a machine"),
    ("WB_NGINX_TIMEOUT", "0", "from 1 to 86400"),
    ("WB_NGINX_TIMEOUT", "1m", "from 1 to 86400"),
    ("WB_NGINX_FORWARD", "metrics,all", "changes, metrics, openapi"),
    ("WB_ACME_SERVER", "http://ca.example.org", "begins with https://"),
    ("WB_ACME_SERVER", "https://ca.example.org/a b", "begins with https://"),
    ("WB_ACME_EMAIL", "nobody", "one e-mail address, or none"),
    ("WB_ACME_EMAIL", "a@b.c,d@e.f", "one e-mail address, or none"),
    ("WB_ACME_EMAIL", "--staging@b.c", "one e-mail address, or none"),
    ("WB_CERTIFICATES_PER_WEEK", "-1", "a whole number"),
    ("WB_DNS_PLUGIN", "cloud flare", "DNS plugin"),
    ("WB_LABELS", "team", "labels, written as"),
    ("WB_LABELS", "=x", "labels, written as"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), BAD)
@pytest.mark.parametrize("source", ["environment", ".env"])
def test_a_bad_value_is_named_with_setting_origin_and_what_is_allowed(
    host: Host, source: str, name: str, text: str, allowed: str
) -> None:
    if source == "environment":
        host.environ[name] = text
        origin = f"environment {name}"
    else:
        escaped = text.replace("\n", "\\n")
        path = host.dotenv(f'{name}="{escaped}"')
        origin = f".env {path}:1"
    with pytest.raises(UsageError) as caught:
        host.load()
    setting = next(setting for setting in SETTINGS if setting.env == name)
    assert caught.value.message.startswith(f"{setting.name} {text!r} (from {origin}) must be ")
    assert allowed in caught.value.message
    assert setting.name in caught.value.hint


def test_the_error_of_a_bad_secret_does_not_show_it(host: Host) -> None:
    host.environ["PG_PASSWORD"] = "hush\nhush"
    with pytest.raises(
        UsageError, match="pg_password \\(from environment PG_PASSWORD\\)"
    ) as caught:
        host.load()
    assert "hush" not in caught.value.message


def test_a_subnet_larger_than_the_pool_is_refused_with_both_origins(host: Host) -> None:
    host.environ["WB_SUBNET_POOL"] = "192.168.4.0/28"
    with pytest.raises(UsageError, match=r"subnet_prefix 26 \(from default\).*192.168.4.0/28"):
        host.load()


def test_an_unknown_setting_of_a_flag_is_refused_with_similar_names(host: Host) -> None:
    with pytest.raises(UsageError, match='no setting "mirrr"') as caught:
        host.load(mirrr="x")
    assert "mirror" in caught.value.hint


def test_the_table_and_the_settings_name_the_same_settings() -> None:
    fields = set(Settings.__struct_fields__)
    in_table = {setting.name for setting in SETTINGS if not setting.is_passed_on}
    assert fields - in_table == {"config_file", "passed_on", "origins"}
    assert in_table <= fields


def test_only_the_table_has_the_defaults(host: Host) -> None:
    assert Settings.__struct_defaults__ == ()
    places = Places.of(host.environ)
    for setting in SETTINGS:
        assert host.load().get_value(setting) == setting.default_in(places)


def test_environment_names_are_those_of_the_contract_or_of_restic_or_begin_with_wb() -> None:
    contract = {
        "SERVERS_FILE_PATH", "MOUNT_PATH", "DOMAIN", "SITES_AVAILABLE_PATH", "SITES_ENABLED_PATH",
        "POSTGRES_PASSWORD", "PG_PASSWORD", "CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY",
        "ANTHROPIC_API_URL", "ANTHROPIC_API_KEY",
    }  # fmt: skip
    names = {setting.env for setting in SETTINGS} - {setting.env for setting in CREDENTIALS}
    assert contract <= names
    assert all(name.startswith("WB_") for name in names - contract)

"""Sites on a real nginx: written whole or put back, and nothing of others is touched."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from edge.conftest import Edge
from support.disks import small_disk
from support.json_answers import check
from support.web.nginx_host import NginxHost

from wb_cli.edge.site import CertificateFiles
from wb_cli.errors import ExitCode
from wb_cli.lifecycle.sites import survey

pytestmark = pytest.mark.edge

BROKEN = "server {\n    listen 127.0.0.1:1;\n    nonsense on;\n}\n"


def everything(nginx: NginxHost) -> dict[str, tuple[str, str]]:
    """All files and links of nginx's folders, to the last byte."""
    return {
        str(path): (str(path.readlink()) if path.is_symlink() else "", path.read_text())
        for folder in (nginx.available, nginx.enabled)
        for path in sorted(folder.iterdir())
    }


def put(nginx: NginxHost, name: str, text: str) -> Path:
    """Somebody else's site, enabled."""
    file = nginx.available / name
    file.write_text(text)
    (nginx.enabled / name).symlink_to(file)
    return file


def test_a_dry_run_shows_the_text_and_changes_nothing(edge: Edge) -> None:
    shown = edge.init("demo", "--dry-run")
    assert f"+++ {edge.nginx.site()}" in shown
    assert f"+        proxy_pass http://127.0.0.1:{edge.upstream.port};" in shown
    assert "demo: would be written: http://demo.example.org" in shown
    assert everything(edge.nginx) == {}
    edge.init()
    edge.declare("demo", port=9009)
    before = everything(edge.nginx)
    shown = edge.init("demo", "--dry-run")
    assert f"-        proxy_pass http://127.0.0.1:{edge.upstream.port};" in shown
    assert "+        proxy_pass http://127.0.0.1:9009;" in shown
    assert everything(edge.nginx) == before
    assert edge.state() == ("differs", "old text")


def test_what_is_as_it_should_be_is_left_alone(edge: Edge) -> None:
    edge.init()
    before, workers = everything(edge.nginx), edge.nginx.workers()
    written = edge.nginx.site().stat().st_mtime_ns
    assert "demo: unchanged: http://demo.example.org" in edge.init()
    assert everything(edge.nginx) == before
    assert edge.nginx.workers() == workers
    assert edge.nginx.site().stat().st_mtime_ns == written


@pytest.mark.parametrize("change", [{"label": "Other"}, {"port": 9009}, {"french": True}])
def test_a_change_is_written_and_served(edge: Edge, change: dict) -> None:
    edge.init()
    edge.declare("demo", **change)
    assert edge.state() == ("differs", "old text")
    assert "written" in edge.init()
    assert edge.state() == ("ours", "yes")


def test_another_domain_is_another_name(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.init()
    monkeypatch.setenv("DOMAIN", "example.com")
    edge.init()
    assert edge.nginx.ask(host="demo.example.com").status == 200
    assert edge.nginx.ask(host="demo.example.org").status == 421
    assert len(everything(edge.nginx)) == 2


def test_a_site_that_lost_its_link_is_enabled_again(edge: Edge) -> None:
    edge.init()
    edge.nginx.link().unlink()
    assert edge.state()[0] == "not enabled"
    edge.init()
    assert edge.state() == ("ours", "yes")


def test_one_folder_for_both_needs_no_link(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITES_AVAILABLE_PATH", str(edge.nginx.enabled))
    edge.init()
    assert edge.state() == ("ours", "yes")
    assert not edge.nginx.link().is_symlink()
    code, _, _ = edge.wb("remove-nginx", "demo")
    assert (code, everything(edge.nginx)) == (ExitCode.OK, {})


def take_file(nginx: NginxHost) -> Path:
    file = nginx.site()
    file.write_text("# mine\n")
    return file


def take_file_by_a_link(nginx: NginxHost) -> Path:
    elsewhere = nginx.folder / "elsewhere"
    elsewhere.write_text("# mine\n")
    nginx.site().symlink_to(elsewhere)
    return nginx.site()


def take_link(nginx: NginxHost) -> Path:
    nginx.link().write_text("# mine\n")
    return nginx.link()


def be_of_another_registry(nginx: NginxHost) -> Path:
    nginx.site().write_text("# wb-site: instance demo of /else/servers.json\n")
    return nginx.site()


@pytest.mark.parametrize(
    "take", [take_file, take_file_by_a_link, take_link, be_of_another_registry]
)
def test_a_file_that_is_not_wb_s_is_named_and_never_touched(edge: Edge, take) -> None:
    named = take(edge.nginx)
    before = everything(edge.nginx)
    for command in ("init-nginx", "remove-nginx"):
        code, _, talk = edge.wb(command, "demo")
        assert code == ExitCode.FAILURE
        assert str(named) in talk
        assert everything(edge.nginx) == before
    assert edge.state()[0] == "foreign"
    edge.declare("other")
    edge.init("all", exits=ExitCode.PARTIAL)
    assert edge.state("other") == ("ours", "yes")


def test_a_neighbour_s_broken_file_is_named_and_ours_put_back(edge: Edge) -> None:
    edge.init()
    neighbour = put(edge.nginx, "aa-neighbour", BROKEN)
    before = everything(edge.nginx)
    edge.declare("demo", label="Other")
    edge.declare("second")
    said = edge.init("all", exits=ExitCode.FAILURE)
    assert f"{edge.nginx.enabled / neighbour.name}, line 3" in said
    assert "it did so before" in said
    assert everything(edge.nginx) == before
    assert edge.state() == ("differs", "old text")
    assert edge.nginx.ask().status == 200
    neighbour.write_text("# well\n")
    edge.init("all")
    assert edge.state() == edge.state("second") == ("ours", "yes")


def test_a_site_that_nginx_refuses_is_put_back_alone(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The certificate of one of two instances is not there."""
    edge.declare("second")
    edge.init("second")
    before = edge.nginx.site("second").read_text()
    missing = CertificateFiles(tmp_path / "no-chain.pem", tmp_path / "no-key.pem")
    monkeypatch.setattr(
        survey, "find_certificate", lambda _, name: missing if name.startswith("second") else None
    )
    code, answer, _ = edge.wb("init-nginx", "all", "--json")
    first, second = check("init-nginx", answer)["sites"]
    assert code == ExitCode.PARTIAL
    assert (first["result"], second["result"]) == ("written", "failed")
    assert "no-chain.pem" in second["error"]["message"]
    assert edge.nginx.site("second").read_text() == before
    assert edge.state() == ("ours", "yes")
    assert edge.nginx.ask(host="second.example.org").status == 503


def test_two_sites_never_share_a_name(edge: Edge) -> None:
    other = put(
        edge.nginx,
        "older-tool",
        f"server {{ listen 127.0.0.1:{edge.nginx.http_port}; server_name a demo.example.org; }}",
    )
    before = everything(edge.nginx)
    said = edge.init(exits=ExitCode.FAILURE)
    assert "another site answers to demo.example.org" in said
    assert str(edge.nginx.enabled / other.name) in said
    assert everything(edge.nginx) == before


def test_a_name_that_is_too_long_for_nginx_is_told_with_the_remedy(edge: Edge) -> None:
    configuration = edge.nginx.configuration.read_text()
    directive = "server_names_hash_bucket_size 128;"
    edge.nginx.configuration.write_text(configuration.replace(directive, ""))
    id_ = "x" * 40
    edge.declare(id_)
    said = edge.init("all", exits=ExitCode.FAILURE)
    assert f"Write `{directive}`" in said
    assert everything(edge.nginx) == {}


def test_without_nginx_running_the_files_are_tested_and_it_is_said(edge: Edge) -> None:
    edge.nginx.stop()
    said = edge.init()
    assert "demo: written" in said
    assert f"nginx does not run; `{edge.nginx.command}` starts it" in said
    edge.nginx.start()
    assert edge.state() == ("ours", "yes")
    edge.nginx.stop()
    assert edge.state() == ("ours", None)
    put(edge.nginx, "neighbour", BROKEN)
    edge.declare("demo", label="Other")
    assert "line 3" in edge.init(exits=ExitCode.FAILURE)


def test_without_nginx_it_is_said_how_to_install_it(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_NGINX_COMMAND", "/nowhere/nginx")
    said = edge.init(exits=ExitCode.FAILURE)
    assert "/nowhere/nginx is not installed" in said
    assert "apt-get install nginx" in said
    assert everything(edge.nginx) == {}


def test_a_missing_folder_is_named_with_its_setting(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITES_ENABLED_PATH", "/nowhere")
    said = edge.init(exits=ExitCode.FAILURE)
    assert "/nowhere (sites_enabled, from environment SITES_ENABLED_PATH) is not there" in said


def test_without_a_domain_the_setting_is_named(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOMAIN")
    said = edge.init(exits=ExitCode.USAGE)
    assert "no domain is set" in said
    assert "domain=example.org" in said


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        yield Path(stack.enter_context(small_disk(tmp_path / "disk")))


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as opened, suppress(OSError):
        while opened.write(b"x" * 4096):
            pass


def test_a_full_disk_leaves_everything_as_it_was(
    edge: Edge, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.declare("second")
    monkeypatch.setenv("SITES_AVAILABLE_PATH", str(disk))
    edge.nginx.available = disk
    edge.init("demo")
    filler = disk / "filler"
    fill(filler)
    before = {path: path.read_bytes() for path in disk.glob("wb-*")}
    edge.declare("demo", label="Other")
    said = edge.init("all", exits=ExitCode.FAILURE)
    assert "no space left on device" in said
    assert "Free some space" in said
    assert {path: path.read_bytes() for path in disk.glob("wb-*")} == before
    assert [path.name for path in edge.nginx.enabled.iterdir()] == ["wb-demo.conf"]
    assert edge.nginx.ask().status == 200
    filler.unlink()
    edge.init("all")
    assert edge.state() == edge.state("second") == ("ours", "yes")


@pytest.mark.parametrize("setting", ["SITES_AVAILABLE_PATH", "SITES_ENABLED_PATH"])
def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left_half_done(
    edge: Edge, disk: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, str(disk))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    said = edge.init(exits=ExitCode.FAILURE)
    assert f"cannot write {disk}/wb-demo.conf: read-only file system" in said
    assert everything(edge.nginx) == {}
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    edge.init()
    assert edge.nginx.site().exists() or (disk / "wb-demo.conf").exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_user_without_rights_is_told_what_to_do(
    edge: Edge, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SITES_AVAILABLE_PATH", "SITES_ENABLED_PATH"):
        monkeypatch.setenv(name, str(open_folder))
    (open_folder / "servers.json").write_text(json.dumps(list(edge.entries.values())))
    monkeypatch.setenv("SERVERS_FILE_PATH", str(open_folder / "servers.json"))
    monkeypatch.setenv("WB_CONFIG_DIR", str(open_folder / "config"))
    os.seteuid(65534)
    try:
        code, _, talk = edge.wb("init-nginx", "demo")
    finally:
        os.seteuid(0)
    assert code == ExitCode.FAILURE
    assert f"cannot write {open_folder}/wb-demo.conf: permission denied" in talk
    assert "as root" in talk
    assert [path.name for path in open_folder.iterdir()] == ["servers.json"]


def test_remove_takes_away_what_is_wb_s_and_nothing_else(edge: Edge) -> None:
    edge.declare("second")
    edge.init("all")
    put(edge.nginx, "neighbour", "# well\n")
    edge.nginx.site("mine").write_text("# not wb's\n")
    del edge.entries["second"]
    edge.save()
    assert edge.state("second")[0] == "undeclared"
    code, answer, _ = edge.wb("remove-nginx", "second", "--dry-run")
    assert (code, "second: would be removed" in answer) == (ExitCode.OK, True)
    assert edge.nginx.site("second").exists()
    code, answer, _ = edge.wb("remove-nginx", "all", "--json")
    sites = check("remove-nginx", answer)["sites"]
    assert [(site["id"], site["result"]) for site in sites] == [
        ("demo", "removed"),
        ("second", "removed"),
    ]
    left = sorted(path.name for path in edge.nginx.available.iterdir())
    assert left == ["neighbour", "wb-mine.conf"]
    assert [path.name for path in edge.nginx.enabled.iterdir()] == ["neighbour"]
    code, _, talk = edge.wb("remove-nginx", "all")
    assert (code, "Nothing to remove" in talk) == (ExitCode.OK, True)
    code, answer, _ = edge.wb("remove-nginx", "demo")
    assert (code, answer) == (ExitCode.OK, "demo: nothing to remove\n")


def test_a_removal_that_leaves_nginx_broken_is_put_back(edge: Edge) -> None:
    edge.init()
    put(edge.nginx, "neighbour", BROKEN)
    before = everything(edge.nginx)
    code, _, talk = edge.wb("remove-nginx", "demo")
    assert (code, "neighbour, line 3" in talk) == (ExitCode.FAILURE, True)
    assert everything(edge.nginx) == before


def test_a_link_that_is_left_over_is_put_back_or_replaced(edge: Edge) -> None:
    """nginx refuses a link that leads nowhere."""
    edge.init()
    edge.nginx.site().unlink()
    assert edge.state()[0] == "none"
    neighbour = put(edge.nginx, "neighbour", BROKEN)
    edge.init(exits=ExitCode.FAILURE)
    assert edge.nginx.link().is_symlink()
    assert not edge.nginx.site().exists()
    neighbour.write_text("# well\n")
    edge.init()
    assert edge.state() == ("ours", "yes")
    edge.nginx.site().unlink()
    code, answer, _ = edge.wb("remove-nginx", "demo")
    assert (code, answer) == (ExitCode.OK, "demo: removed\n")
    assert not edge.nginx.link().is_symlink()


def test_the_list_shows_each_state(edge: Edge) -> None:
    for id_ in ("differs", "foreign", "lost", "fresh", "odd"):
        edge.declare(id_)
    edge.init("demo", "differs", "lost")
    edge.declare("gone")
    edge.init("gone")
    del edge.entries["gone"]
    edge.declare("differs", label="Other")
    edge.nginx.site("foreign").write_text("# mine\n")
    edge.nginx.link("lost").unlink()
    edge.nginx.site("odd").symlink_to(edge.nginx.site("odd"))
    code, answer, _ = edge.wb("list-nginx", "--json")
    listed = {site["id"]: site for site in check("list-nginx", answer)["sites"]}
    assert {id_: site["state"] for id_, site in listed.items()} == {
        "demo": "ours",
        "differs": "differs",
        "foreign": "foreign",
        "gone": "undeclared",
        "lost": "not enabled",
        "fresh": "none",
        "odd": "foreign",
    }
    assert listed["demo"]["upstream"] == f"127.0.0.1:{edge.upstream.port}"
    assert listed["demo"]["serverName"] == "demo.example.org"
    assert (listed["demo"]["served"], listed["fresh"]["served"]) == ("yes", "no")
    code, answer, talk = edge.wb("list-nginx")
    assert code == ExitCode.OK
    assert "not wb's" in talk
    assert "`wb remove-nginx gone` removes it" in talk
    assert "`wb init-nginx lost` brings it up to date" in talk
    assert len(answer.splitlines()) == 8


def test_a_file_that_cannot_be_read_is_no_missing_site(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    (edge.nginx.folder / "file").write_text("")
    monkeypatch.setenv("SITES_AVAILABLE_PATH", str(edge.nginx.folder / "file"))
    code, answer, _ = edge.wb("list-nginx", "demo", "--json")
    (site,) = check("list-nginx", answer)["sites"]
    assert (code, site["state"]) == (ExitCode.OK, "unreadable")
    assert "not a directory" in site["reason"].lower()


def test_config_remove_says_that_the_site_stays(edge: Edge) -> None:
    edge.init()
    code, _, talk = edge.wb("config", "remove", "demo", "--yes", "--force")
    assert code == ExitCode.OK
    assert "The nginx site of demo stays" in talk
    assert "`wb remove-nginx demo` removes it" in talk
    assert edge.nginx.site().exists()

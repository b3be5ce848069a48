"""nginx on this machine: what it says, where it keeps its number, and how it is called."""

from pathlib import Path

import pytest
from msgspec import Struct
from support.web.nginx_stand_in import make_nginx

from wb_cli.errors import WbError
from wb_cli.host.web import nginx, site_files
from wb_cli.host.web.nginx import Complaint, NginxRefusesError, read_complaints


class Settings(Struct):
    nginx_command: str


@pytest.fixture
def stand_in(tmp_path: Path) -> Settings:
    return Settings(make_nginx(tmp_path)["WB_NGINX_COMMAND"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            'nginx: [emerg] unknown directive "x y" in /etc/nginx/a b:3',
            Complaint("emerg", 'unknown directive "x y"', "/etc/nginx/a b", 3),
        ),
        (
            "2026/11/26 19:35:08 [emerg] 7#7: no port in upstream in /etc/nginx/a:12",
            Complaint("emerg", "no port in upstream", "/etc/nginx/a", 12),
        ),
        (
            'nginx: [warn] conflicting server name "a.b" on 0.0.0.0:80, ignored',
            Complaint("warn", 'conflicting server name "a.b" on 0.0.0.0:80, ignored'),
        ),
        ("nginx: configuration file /etc/nginx/nginx.conf test failed", None),
    ],
)
def test_what_nginx_says_is_read_with_file_and_line(line: str, complaint: Complaint | None) -> None:
    assert read_complaints(line) == ([complaint] if complaint else [])


def test_a_complaint_says_what_to_do() -> None:
    (conflict,) = read_complaints('nginx: [warn] conflicting server name "a.b" on 1.2.3.4:80, x')
    assert (conflict.conflicting_name, conflict.is_fatal) == ("a.b", False)
    hash_ = Complaint(
        "emerg",
        "could not build server_names_hash, you should increase server_names_hash_bucket_size: 32",
    )
    assert "server_names_hash_bucket_size 128" in hash_.advice
    assert Complaint("emerg", "x", "/a", 3).advice == "Correct it there: line 3 of /a."
    assert Complaint("emerg", "x").advice == ""


def test_a_test_names_what_is_broken(stand_in: Settings, tmp_path: Path) -> None:
    assert nginx.test(stand_in) == []
    assert nginx.test_and_reload(stand_in) is False  # it does not run
    broken = tmp_path / "enabled" / "a"
    broken.write_text("well\nnonsense\n")
    with pytest.raises(NginxRefusesError, match=f"in {broken}, line 2"):
        nginx.test_and_reload(stand_in)


def test_a_failure_without_a_known_line_is_told_by_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\necho odd >&2\nexit 3\n")
    program.chmod(0o755)
    (complaint,) = nginx.test(Settings(str(program)))
    assert (complaint.text, complaint.is_fatal) == ("odd", True)


def test_without_nginx_the_way_to_it_is_told() -> None:
    with pytest.raises(WbError, match="is not installed") as caught:
        nginx.test(Settings("/nowhere/nginx"))
    assert "apt-get install nginx" in caught.value.hint
    nginx.ask_for_reload(Settings("/nowhere/nginx"))  # it is only asked for


@pytest.mark.parametrize(
    ("words", "configuration", "pid_file"),
    [
        ("", None, "{folder}/nginx.pid"),
        ("-p {folder}/p -c {folder}/c", "user x;\npid run/n.pid;\n", "{folder}/p/run/n.pid"),
        ("-c {folder}/c", "pid '{folder}/q.pid';", "{folder}/q.pid"),
        ("-c {folder}/c", "# pid /x;", "{folder}/nginx.pid"),
        ("-g 'pid {folder}/g.pid; daemon off;'", None, "{folder}/g.pid"),
    ],
)
def test_nginx_s_number_is_where_its_configuration_says(
    stand_in: Settings, tmp_path: Path, words: str, configuration: str | None, pid_file: str
) -> None:
    if configuration:
        (tmp_path / "c").write_text(configuration.replace("{folder}", str(tmp_path)))
    (tmp_path / "nginx").write_text(
        (tmp_path / "nginx").read_text().replace('case "$1"', 'for last; do :; done; case "$last"')
    )
    command = f"{stand_in.nginx_command} {words}".replace("{folder}", str(tmp_path))
    assert nginx._find_pid_file(Settings(command)) == Path(pid_file.format(folder=tmp_path))


@pytest.mark.parametrize("content", ["", "nonsense", "1", "999999999"])
def test_a_number_that_is_not_nginx_s_is_no_running_nginx(
    stand_in: Settings, tmp_path: Path, content: str
) -> None:
    (tmp_path / "nginx.pid").write_text(content)
    assert not nginx.is_running(stand_in)


def test_the_command_that_starts_nginx(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nginx.suggest_start(Settings("/opt/nginx -c x")) == "/opt/nginx -c x"
    monkeypatch.setattr(nginx, "has_systemd", lambda: True)
    assert nginx.suggest_start(Settings("nginx")) == "systemctl start nginx"
    assert nginx.suggest_start(Settings("nginx -c x")) == "nginx -c x"


def test_the_files_of_a_site_and_what_stands_in_their_place(tmp_path: Path) -> None:
    make_nginx(tmp_path)
    available, enabled = tmp_path / "available", tmp_path / "enabled"

    def look() -> site_files.SiteFile:
        return site_files.look(available, enabled, "a")

    assert (look().text, look().is_enabled) == (None, False)
    look().path.write_text("text")
    assert (look().text, look().is_enabled) == ("text", False)
    site_files.put_link(look())
    assert look().is_enabled
    site_files.remove(look())
    assert (look().path.exists(), look().link.is_symlink()) == (False, False)
    look().link.symlink_to(look().path)
    assert (look().text, look().is_linked) == (None, True)
    look().link.unlink()
    look().path.mkdir()
    assert "is a folder" in look().stranger
    look().path.rmdir()
    look().path.write_bytes(b"\xff\xfe")
    assert "is not wb's" in look().stranger
    look().link.symlink_to("/elsewhere")
    assert "is not wb's" in look().stranger
    look().path.unlink()
    assert "is not the link" in look().stranger

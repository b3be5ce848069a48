"""What certbot has is read from its files, and what it says from its output."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.web.certificates import DEMO, WILDCARD

from wb_cli.errors import LockedError, WbError
from wb_cli.host.web import certbot
from wb_cli.host.web.certbot import Certbot, describe_failure, has_timer, read_issued, read_lineages
from wb_cli.host.web.x509 import parse_pem

REFUSED = """\
Saving debug log to /var/log/letsencrypt/letsencrypt.log

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority \
reported these problems:
  Domain: demo.example.org
  Type:   unauthorized
  Detail: 192.0.2.1: Invalid response from http://demo.example.org/.well-known/x: 404

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """certbot's folder with one certificate, renewed once."""
    live, archive = tmp_path / "live" / "demo", tmp_path / "archive" / "demo"
    for path in (live, archive, tmp_path / "renewal"):
        path.mkdir(parents=True)
    (archive / "cert1.pem").write_text(DEMO)
    (archive / "cert2.pem").write_text(WILDCARD)
    (archive / "cert3.pem").write_text("")
    (live / "fullchain.pem").write_text(WILDCARD)
    (live / "privkey.pem").write_text("")
    (tmp_path / "renewal" / "demo.conf").write_text(
        f"cert = {live}/cert.pem\nprivkey = {live}/privkey.pem\n"
        f"fullchain = {live}/fullchain.pem\n[renewalparams]\nauthenticator = webroot\n"
        "server = https://ca/dir\nrenew_hook = '/a b/hook'\n"
    )
    (tmp_path / "renewal" / "README").write_text("")
    return tmp_path


def test_a_certbot_that_never_ran_has_nothing(tmp_path: Path) -> None:
    assert read_lineages(tmp_path / "nothing") == ()
    assert read_lineages(tmp_path) == ()


def test_a_certificate_is_read_with_how_it_is_renewed(folder: Path) -> None:
    (lineage,) = read_lineages(folder)
    assert lineage.name == "demo"
    assert lineage.certificate == parse_pem(WILDCARD.encode())
    assert lineage.key == folder / "live" / "demo" / "privkey.pem"
    assert (lineage.server, lineage.authenticator) == ("https://ca/dir", "webroot")
    assert lineage.deploy_hook == "'/a b/hook'"
    assert lineage.problem == ""


def test_all_that_was_issued_is_read_but_what_is_damaged(folder: Path) -> None:
    issued = read_issued(folder, read_lineages(folder))
    assert [sorted(each.names) for each in issued] == [["demo.example.org"], ["*.example.org"]]
    assert {each.server for each in issued} == {"https://ca/dir"}
    assert issued[0].moment == parse_pem(DEMO.encode()).not_before


NEWER = REFUSED.replace("Domain: demo", "Identifier: demo")  # as certbot 5 writes it


@pytest.mark.parametrize("gone", ["fullchain.pem", "privkey.pem"])
def test_half_a_certificate_has_a_problem(folder: Path, gone: str) -> None:
    (folder / "live" / "demo" / gone).unlink()
    (lineage,) = read_lineages(folder)
    assert lineage.certificate is None
    assert "is not whole" in lineage.problem


def test_a_certificate_whose_renewal_was_being_written_has_a_problem(folder: Path) -> None:
    (folder / "renewal" / "demo.conf").write_text("")
    (lineage,) = read_lineages(folder)
    assert lineage.certificate is None
    assert lineage.problem == "its renewal is not set up"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_what_may_not_be_read_is_not_nothing(folder: Path) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(WbError, match=f"certificates in {folder}: permission denied") as raised:
            read_lineages(folder)
    finally:
        os.seteuid(0)
    assert raised.value.hint == "Run wb as root."


# Failures


@pytest.mark.parametrize("said", [REFUSED, NEWER])
def test_a_failed_validation_has_the_servers_reason(said: str) -> None:
    error = describe_failure(said, 1)
    assert error.message == (
        "the ACME server could not validate demo.example.org: 192.0.2.1: Invalid response from "
        "http://demo.example.org/.well-known/x: 404 (unauthorized)"
    )


def test_an_error_of_the_server_has_its_reason() -> None:
    said = "Saving debug log to /x\nAn unexpected error occurred:\ntoo many certificates (5)\nAsk"
    assert describe_failure(said, 1).message == "certbot failed: too many certificates (5)"


def test_any_other_error_has_the_last_lines() -> None:
    error = describe_failure("Saving debug log to /x\nThe requested plugin is not there\n", 2)
    assert error.message == "certbot failed (exit code 2): The requested plugin is not there"
    assert describe_failure("", -9).message == "certbot failed (exit code -9): it said nothing"


def test_failures_are_counted_from_the_logs(tmp_path: Path) -> None:
    for number, text in enumerate([REFUSED, NEWER, "all well", REFUSED]):
        (tmp_path / f"letsencrypt.log.{number}").write_text(text)
        os.utime(tmp_path / f"letsencrypt.log.{number}", (1000 + number, 1000 + number))
    names = {"demo.example.org", "other.example.org"}
    assert certbot.read_failures(tmp_path, names, 1001) == {"demo.example.org": [1001, 1003]}
    assert certbot.read_failures(tmp_path, {"other.example.org"}, 0) == {}
    assert certbot.read_failures(tmp_path / "none", names, 0) == {}


NOW = 1_800_000_000.0
USED_UP = (
    "Sending GET request to https://ca.example/directory.\n"
    '"detail": "too many certificates (50) already issued for {} in the last 168h0m0s, '
    'retry after 2027-01-15 08:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/"\n'
)


def test_what_the_server_said_of_its_limit_is_read_with_its_time(tmp_path: Path) -> None:
    server = "https://ca.example/directory"
    texts = (USED_UP.format(r"\"a.gouv.ml\""), USED_UP.format('"b.org"').replace("ca.", "other."))
    for number, text in enumerate(texts):
        (tmp_path / f"letsencrypt.log.{number}").write_text(text)
        os.utime(tmp_path / f"letsencrypt.log.{number}", (1000, 1000))
    assert certbot.read_used_up(tmp_path, server, 1000) == {"a.gouv.ml": NOW}
    assert certbot.read_used_up(tmp_path, server, 1001) == {}
    assert certbot.read_used_up(tmp_path / "none", server, 0) == {}


# Beside others


@pytest.mark.parametrize(
    "file",
    [
        "etc/systemd/system/timers.target.wants/certbot.timer",
        "etc/systemd/system/timers.target.wants/snap.certbot.renew.timer",
    ],
)
def test_a_timer_of_systemd_renews(tmp_path: Path, file: str) -> None:
    assert not has_timer(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).symlink_to("/lib/systemd/system/certbot.timer")
    assert has_timer(tmp_path)


def test_a_line_of_cron_renews_and_a_comment_does_not(tmp_path: Path) -> None:
    cron = tmp_path / "etc" / "cron.d" / "x"
    cron.parent.mkdir(parents=True)
    cron.write_text("# certbot\n")
    assert not has_timer(tmp_path)
    cron.write_text("# certbot\n0 3 * * * root certbot renew -q\n")
    assert has_timer(tmp_path)


HOLD = """\
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds certbot's lock."""
    words = [sys.executable, "-c", HOLD, str(tmp_path / ".certbot.lock")]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_holder_of_the_lock_is_found_and_not_disturbed(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    assert certbot.find_lock_holder(tmp_path) == holder.pid
    assert certbot.find_lock_holder(tmp_path / "nothing") is None
    with (tmp_path / ".certbot.lock").open("w") as file, pytest.raises(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_lock_file_that_nobody_holds_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / ".certbot.lock").touch()
    assert certbot.find_lock_holder(tmp_path) is None


def test_another_certbot_is_waited_for_no_longer_than_asked(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    told: list[str] = []
    waiting = Certbot(tmp_path, {}, 0.3, told.append)
    with pytest.raises(LockedError, match=rf"another certbot still runs \(pid {holder.pid}\)"):
        waiting.run(["true"])
    assert told == [f"waiting for another certbot (pid {holder.pid})"]


def test_after_another_certbot_it_runs(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    def end_it(_: float) -> None:
        holder.kill()
        holder.wait()

    Certbot(tmp_path, {}, 30, lambda _: None, end_it).run(["touch", str(tmp_path / "ran")])
    assert (tmp_path / "ran").exists()


def test_one_that_begins_in_the_same_moment_is_waited_for_too(tmp_path: Path) -> None:
    fake = tmp_path / "certbot"
    fake.write_text(
        f"#!/bin/sh\n[ -e {tmp_path}/once ] && exit 0\ntouch {tmp_path}/once\n"
        "echo 'Another instance of Certbot is already running.' >&2; exit 1\n"
    )
    fake.chmod(0o755)
    Certbot(tmp_path, {}, 30, lambda _: None).run([str(fake)])


def test_its_environment_is_added(tmp_path: Path) -> None:
    words = ["sh", "-c", f'[ "$REQUESTS_CA_BUNDLE" = /ca ] && touch {tmp_path}/ran']
    Certbot(tmp_path, {"REQUESTS_CA_BUNDLE": "/ca"}, 1, lambda _: None).run(words)
    assert (tmp_path / "ran").exists()


def test_without_certbot_the_error_has_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WbError, match="no /nowhere/certbot") as raised:
        Certbot(tmp_path, {}, 1, lambda _: None).run(["/nowhere/certbot"])
    assert "apt-get install certbot" in raised.value.hint


def test_half_a_certificate_is_set_aside_and_nothing_else(folder: Path) -> None:
    runner = Certbot(folder, {}, 1, lambda _: None)
    runner.set_aside("demo")
    assert read_lineages(folder)[0].certificate
    (folder / "live" / "demo" / "privkey.pem").unlink()
    runner.set_aside("demo")
    assert read_lineages(folder) == ()
    (aside,) = (folder / certbot.ASIDE).iterdir()
    assert sorted(path.name for path in aside.iterdir()) == ["archive", "live", "renewal.conf"]
    assert not (folder / "live" / "demo").exists()

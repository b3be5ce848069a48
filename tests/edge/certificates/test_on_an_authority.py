"""Certificates of a real certificate authority: got, served, renewed, refused, removed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from edge.conftest import Edge
from support.json_answers import check
from support.services import wait_until
from support.web.acme_host import CERTBOT, AcmeHost, find_python, resolve_here

from wb_cli.errors import ExitCode
from wb_cli.host.web.served_certificate import ask_for_certificate
from wb_cli.host.web.x509 import Certificate, parse_pem

pytestmark = [pytest.mark.edge]
NAME = "demo.example.org"
# Runs certbot, and kills it where it does something to a file.
KILLED_CERTBOT = """\
#!{python}
import os, signal, sys
def look(event, words):
    if event == "{event}" and "{file}" in str(words):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(look)
from certbot.main import main
sys.exit(main())
"""


# Holds certbot's lock until it reads something, or the end.
HOLD = """\
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
"""


def served(edge: Edge, name: str = NAME) -> Certificate:
    """The certificate that nginx serves."""
    return ask_for_certificate("127.0.0.1", edge.nginx.https_port, name)


def in_file(acme: AcmeHost, name: str = NAME) -> Certificate:
    """The certificate that certbot has."""
    return parse_pem((acme.certbot / "live" / name / "fullchain.pem").read_bytes())


def init_ssl(edge: Edge, *words: str, exits: int = ExitCode.OK) -> str:
    """`wb init-ssl`; all that it says."""
    code, answer, talk = edge.wb("init-ssl", *(words or ("demo",)))
    assert code == exits, answer + talk
    return answer + talk


def own_hook(edge: Edge) -> Path:
    """The script that certbot calls after a renewal."""
    return edge.file.parent / "config" / "hooks" / "reload-nginx"


def is_http_only(edge: Edge) -> bool:
    """Whether people get the platform by HTTP, and nothing by HTTPS."""
    return (
        edge.nginx.ask("/").status == 200 and "ssl_certificate" not in edge.nginx.site().read_text()
    )


def test_a_certificate_is_got_and_served(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    said = init_ssl(edge)
    assert f"demo: issued: https://{NAME}, until " in said
    assert "by Pebble Intermediate CA" in said
    assert served(edge).digest == in_file(acme).digest
    assert served(edge).names == (NAME,)
    assert edge.nginx.ask("/", secure=True).status == 200
    redirect = edge.nginx.ask("/x")
    assert (redirect.status, redirect.headers["Location"][:24]) == (301, f"https://{NAME}")
    conf = (acme.certbot / "renewal" / f"{NAME}.conf").read_text()
    assert "key_type = ecdsa" in conf


def test_a_second_run_changes_nothing_and_asks_nobody(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    init_ssl(edge)
    before = served(edge).digest
    acme.stop()
    assert "demo: unchanged: https://demo.example.org, until " in init_ssl(edge)
    assert served(edge).digest == before
    assert len(acme.list_issued()) == 1


def test_a_renewal_by_certbot_alone_is_served(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    init_ssl(edge)
    before = served(edge).digest
    renewed = acme.renew()
    assert renewed.returncode == 0, renewed.stderr
    assert len(acme.list_issued()) == 2
    wait_until(lambda: served(edge).digest != before, "the renewed certificate")
    assert served(edge).digest == in_file(acme).digest


def test_a_renewal_beside_a_broken_file_leaves_nginx_as_it_is(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    init_ssl(edge)
    before = served(edge).digest
    neighbour = edge.nginx.enabled / "neighbour"
    neighbour.write_text("nonsense;")
    acme.renew()
    assert served(edge).digest == before
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert f"in {neighbour}, line 1" in said
    neighbour.unlink()
    assert "demo: served: https://demo.example.org" in init_ssl(edge)
    assert served(edge).digest == in_file(acme).digest != before


def test_renew_gets_a_new_certificate_and_serves_it(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    init_ssl(edge)
    before = served(edge).digest
    assert "demo: renewed: " in init_ssl(edge, "demo", "--renew")
    assert served(edge).digest == in_file(acme).digest != before


@pytest.mark.parametrize(
    ("event", "file"),
    [
        ("open", "acme-challenge"),
        ("os.symlink", "cert1.pem"),
        ("os.symlink", "fullchain1.pem"),
        ("open", "privkey1.pem"),
    ],
)
def test_after_a_killed_certbot_the_command_is_repeated(
    edge: Edge, acme: AcmeHost, monkeypatch: pytest.MonkeyPatch, event: str, file: str
) -> None:
    edge.init()
    dying = acme.folder / "certbot"
    dying.write_text(KILLED_CERTBOT.format(python=find_python(), event=event, file=file))
    dying.chmod(0o755)
    monkeypatch.setenv("WB_CERTBOT", str(dying))
    assert "certbot failed (exit code -9)" in init_ssl(edge, exits=ExitCode.FAILURE)
    assert is_http_only(edge)
    monkeypatch.setenv("WB_CERTBOT", CERTBOT)
    init_ssl(edge)
    assert served(edge).digest == in_file(acme).digest
    renewed = acme.renew()
    assert renewed.returncode == 0, renewed.stderr


def test_a_wb_that_is_killed_leaves_a_certbot_that_is_waited_for(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.init()
    acme.run_certbot("certificates")  # makes the lock file's folder
    words = [sys.executable, "-m", "wb_cli", "init-ssl", "demo", "--no-check"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        wait_until((acme.certbot / ".certbot.lock").exists, "certbot's lock")
        os.kill(process.pid, signal.SIGKILL)
    init_ssl(edge)
    assert served(edge).digest == in_file(acme).digest
    assert len(acme.list_issued()) == 1


def test_another_certbot_is_named_and_waited_for(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    acme.certbot.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(acme.certbot / ".certbot.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        thread = threading.Timer(1, holder.stdin.close)
        thread.start()
        said = init_ssl(edge)
        thread.join()
    assert f"demo: waiting for another certbot (pid {holder.pid})" in said
    assert "demo: issued: " in said


@pytest.mark.usefixtures("acme")
def test_without_certbot_the_error_says_how_to_get_it(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.init()
    monkeypatch.setenv("WB_CERTBOT", "/nowhere/certbot")
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert "certbot is not installed: there is no /nowhere/certbot" in said
    assert "apt-get install certbot" in said
    assert is_http_only(edge)


@pytest.mark.usefixtures("acme")
def test_without_a_site_the_error_says_how_to_get_one(edge: Edge) -> None:
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert "demo has no site in nginx" in said
    assert "`wb init-nginx demo` makes one" in said


def test_an_authority_that_is_away_is_told_once_and_changes_nothing(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.declare("other")
    edge.init("all")
    acme.stop()
    said = init_ssl(edge, "all", exits=ExitCode.FAILURE)
    assert said.count("error:") == 1
    assert "demo, other: " in said
    assert f"port={acme.port}" in said
    assert is_http_only(edge)


def test_a_failed_validation_is_told_in_the_words_of_the_authority(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.declare("other")
    edge.init("all")
    acme.lead(NAME, "127.0.0.9")
    said = init_ssl(edge, "all", exits=ExitCode.PARTIAL)
    assert f"the ACME server could not validate {NAME}: " in said
    assert "127.0.0.9" in said or "refused" in said
    assert "other: issued: https://other.example.org" in said
    assert is_http_only(edge)


def test_five_failed_validations_are_no_more_than_the_authority_allows(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.init()
    acme.lead(NAME, "127.0.0.9")
    init_ssl(edge, exits=ExitCode.FAILURE)
    (log,) = (file for file in acme.logs.iterdir() if NAME in file.read_text())
    for number in range(10, 14):  # as further runs of certbot leave them
        shutil.copy(log, acme.logs / f"letsencrypt.log.{number}")
    before = len(list(acme.logs.iterdir()))
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert f"5 validations of {NAME} failed within an hour" in said
    assert len(list(acme.logs.iterdir())) == before


@pytest.mark.usefixtures("acme")
def test_what_is_beyond_the_limit_is_refused_and_the_rest_goes_on(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        edge.declare(name)
    edge.init("all")
    monkeypatch.setenv("WB_CERTIFICATES_PER_WEEK", "2")
    said = init_ssl(edge, "all", exits=ExitCode.PARTIAL)
    assert "the limit of 2 new certificates a week for example.org is used up" in said
    assert "the next one is possible 20" in said
    assert "2 issued, 1 failed: two" in said
    assert "demo: renewed: " in init_ssl(edge, "demo", "--renew")


def test_a_limit_that_the_authority_told_is_believed_and_it_is_not_asked_again(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.init()
    init_ssl(edge, "demo", "--dry-run")
    acme.logs.mkdir()
    until = datetime.now(UTC) + timedelta(hours=3)
    log = acme.logs / "letsencrypt.log"
    log.write_text(
        f"Sending GET request to {acme.server}.\ntoo many certificates (50) already issued for "
        f'"example.org" in the last 168h0m0s, retry after {until:%Y-%m-%d %H:%M:%S} UTC: see\n'
    )
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert "the ACME server gives example.org no new certificate until 20" in said
    assert not acme.certbot.exists()
    assert "demo: issued: " in init_ssl_of_any_number(edge)


def init_ssl_of_any_number(edge: Edge) -> str:
    code, answer, talk = edge.wb("--set", "certificates_per_week=0", "init-ssl", "demo")
    assert code == ExitCode.OK, talk
    return answer + talk


# Before the authority is asked


def test_a_name_that_does_not_resolve_is_told_before_the_authority_is_asked(
    edge: Edge, acme: AcmeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOMAIN", "wb.invalid")
    edge.init()
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert "demo.wb.invalid does not resolve: " in said
    assert "Add a DNS record" in said
    assert not acme.certbot.exists()


def test_a_name_that_leads_elsewhere_is_told_before_the_authority_is_asked(
    edge: Edge, acme: AcmeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.init()
    resolve_here(monkeypatch, "127.0.0.9")
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert f"{NAME} leads to 127.0.0.9, and port {edge.nginx.http_port} of 127.0.0.9 " in said
    assert "connection refused" in said
    assert not acme.certbot.exists()
    assert "demo: issued: " in init_ssl(edge, "demo", "--no-check")


def test_a_site_without_the_webroot_is_told_before_the_authority_is_asked(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.init()
    site = edge.nginx.site()
    site.write_text(site.read_text().replace("/acme;", "/elsewhere;"))
    subprocess.run([*edge.nginx.command.split(), "-s", "reload"], check=True, capture_output=True)
    wait_until(lambda: "answered 404" in init_or_fail(edge), "the reloaded nginx")
    assert not acme.certbot.exists()


def init_or_fail(edge: Edge) -> str:
    _, answer, talk = edge.wb("init-ssl", "demo", "--dry-run")
    return answer + talk


def test_an_nginx_that_does_not_run_is_told(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    edge.nginx.stop()
    assert "nginx does not run" in init_ssl(edge, exits=ExitCode.FAILURE)
    assert not acme.certbot.exists()


def test_a_dry_run_shows_the_commands_and_changes_nothing(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    said = init_ssl(edge, "demo", "--dry-run")
    assert f"demo: {NAME}: it has no certificate" in said
    assert f"--domain {NAME} --webroot" in said
    assert not acme.certbot.exists()
    assert not list((edge.nginx.webroot / ".well-known" / "acme-challenge").iterdir())
    init_ssl(edge)
    edge.wb("remove-ssl", "demo", "--dry-run")
    assert served(edge).digest == in_file(acme).digest


def test_without_an_address_for_the_account_nothing_is_asked(
    edge: Edge, acme: AcmeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.init()
    monkeypatch.delenv("WB_ACME_EMAIL")
    assert "acme_email=none" in init_ssl(edge, exits=ExitCode.USAGE)
    assert not acme.certbot.exists()


# Parses a command line as certbot does, and says which server it means and whether for a try.
PARSE = """\
import sys
from certbot._internal import cli
from certbot._internal.plugins import disco
config = cli.prepare_and_parse_args(disco.PluginsRegistry.find_all(), sys.argv[1:])
print(config.server, config.staging)
"""


def test_staging_reaches_certbot_and_means_lets_encrypts_test_server(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, record = edge.nginx.folder / "certbot", edge.nginx.folder / "words"
    recorder.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {record}\nexit 1\n")
    recorder.chmod(0o755)
    for name, value in {"CERTBOT": str(recorder), "ACME_EMAIL": "none"}.items():
        monkeypatch.setenv(f"WB_{name}", value)
    for folder in ("CONFIG", "WORK", "LOGS"):
        monkeypatch.setenv(f"WB_CERTBOT_{folder}_DIR", str(edge.nginx.folder / folder))
    edge.init()
    init_ssl(edge, "demo", "--staging", "--no-check", exits=ExitCode.FAILURE)
    words = record.read_text().splitlines()
    assert words[0] == "certonly"
    said = subprocess.run(
        [find_python(), "-c", PARSE, *words], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["https://acme-staging-v02.api.letsencrypt.org/directory", "True"]


# One certificate for all


@pytest.fixture
def wildcard(edge: Edge, acme: AcmeHost, monkeypatch: pytest.MonkeyPatch) -> AcmeHost:
    """Two instances, and hooks that write DNS records."""
    monkeypatch.setenv("WB_DNS_AUTH_HOOK", str(acme.write_dns_hook("set-txt")))
    monkeypatch.setenv("WB_DNS_CLEANUP_HOOK", str(acme.write_dns_hook("clear-txt")))
    edge.declare("other")
    edge.init("all")
    return acme


def test_a_wildcard_is_got_once_and_served_by_all(edge: Edge, wildcard: AcmeHost) -> None:
    said = init_ssl(edge, "all", "--wildcard")
    assert "demo: issued: " in said
    assert "other: served: " in said
    assert served(edge).names == ("*.example.org",)
    assert served(edge, "other.example.org").digest == served(edge).digest
    assert len(wildcard.list_issued("example.org-wildcard")) == 1
    assert "2 unchanged" in init_ssl(edge, "all")
    before = served(edge).digest
    renewed = wildcard.renew()
    assert renewed.returncode == 0, renewed.stderr
    wait_until(lambda: served(edge).digest != before, "the renewed wildcard")


def test_a_wildcard_that_fails_is_tried_once(
    edge: Edge, wildcard: AcmeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_DNS_AUTH_HOOK", "/bin/true")
    said = init_ssl(edge, "all", "--wildcard", exits=ExitCode.FAILURE)
    assert "demo, other: the ACME server could not validate example.org" in said
    assert len([file for file in wildcard.logs.iterdir() if "Detail" in file.read_text()]) == 1
    assert is_http_only(edge)


def test_a_wildcard_without_a_way_to_write_dns_is_refused(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    said = init_ssl(edge, "demo", "--wildcard", exits=ExitCode.USAGE)
    assert "dns_auth_hook" in said
    assert not acme.certbot.exists()


def test_a_wildcard_goes_with_the_last_that_uses_it(edge: Edge, wildcard: AcmeHost) -> None:
    init_ssl(edge, "all", "--wildcard")
    code, answer, talk = edge.wb("remove-ssl", "demo", "--yes")
    assert code == ExitCode.FAILURE, answer
    assert "demo shares the certificate example.org-wildcard with other" in talk
    assert served(edge).names == ("*.example.org",)
    code, answer, talk = edge.wb("remove-ssl", "all", "--yes")
    assert code == ExitCode.OK, talk
    assert is_http_only(edge)
    assert wildcard.list_issued("example.org-wildcard") == []


# Back to HTTP


def test_a_removed_certificate_leaves_http(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    init_ssl(edge)
    code, _, talk = edge.wb("remove-ssl", "demo")
    assert (code, "Add --yes" in talk) == (ExitCode.USAGE, True)
    code, answer, talk = edge.wb("remove-ssl", "demo", "--yes")
    assert code == ExitCode.OK, talk
    assert f"demo: http://{NAME} only" in answer
    assert is_http_only(edge)
    assert acme.list_issued() == []
    code, answer, _ = edge.wb("remove-ssl", "demo", "--yes")
    assert f"{NAME} has no certificate" in answer


def test_a_certificate_that_is_for_others_too_stays(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    acme.put_certificate(NAME, "www.example.org")
    assert "demo: served: " in init_ssl(edge)
    code, _, talk = edge.wb("remove-ssl", "demo", "--yes")
    assert code == ExitCode.FAILURE
    assert "is also for www.example.org" in talk
    assert served(edge).names == (NAME, "www.example.org")


def test_a_site_that_nginx_refuses_keeps_its_certificate(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    init_ssl(edge)
    (edge.nginx.enabled / "neighbour").write_text("nonsense;")
    code, _, talk = edge.wb("remove-ssl", "demo", "--yes")
    assert code == ExitCode.FAILURE
    assert "neighbour, line 1" in talk
    assert served(edge).digest == in_file(acme).digest


# Beside others


def test_a_broken_neighbour_keeps_the_site_as_it_was_and_the_certificate(
    edge: Edge, acme: AcmeHost
) -> None:
    edge.init()
    neighbour = edge.nginx.enabled / "neighbour"
    neighbour.write_text("server { nonsense; }")
    said = init_ssl(edge, exits=ExitCode.FAILURE)
    assert f"in {neighbour}, line 1" in said
    assert is_http_only(edge)
    neighbour.unlink()
    assert "demo: served: " in init_ssl(edge)
    assert len(acme.list_issued()) == 1
    assert served(edge).digest == in_file(acme).digest


def test_an_expired_certificate_is_renewed(edge: Edge, acme: AcmeHost) -> None:
    edge.init()
    acme.put_certificate(NAME, begins=-90, ends=-1, hook=str(own_hook(edge)))
    assert "demo: renewed: " in init_ssl(edge)
    assert served(edge).issuer.startswith("Pebble")


@pytest.mark.usefixtures("acme")
def test_the_answers_match_their_schemas(edge: Edge) -> None:
    edge.init()
    documents: dict[str, Any] = {}
    for words in ("init-ssl demo --dry-run", "init-ssl demo", "list-ssl", "remove-ssl demo -y"):
        code, answer, talk = edge.wb(*words.split(), "--json")
        assert code == ExitCode.OK, talk
        documents[words] = check(words.split()[0], answer)
    assert documents["init-ssl demo"]["instances"][0]["result"] == "issued"
    assert documents["list-ssl"]["instances"][0]["isFileServed"] is True


def test_a_signal_lets_certbot_end_and_leaves_the_others_alone(edge: Edge, acme: AcmeHost) -> None:
    edge.declare("other")
    edge.init("all")
    words = [sys.executable, "-m", "wb_cli", "init-ssl", "all", "--no-check"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        wait_until((acme.certbot / ".certbot.lock").exists, "certbot's lock")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "done before: demo" in said
    assert "not begun: other" in said
    assert served(edge).digest == in_file(acme).digest
    assert acme.list_issued("other.example.org") == []

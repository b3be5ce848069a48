"""What `/metrics` says, as Prometheus' own tool judges it."""

import shutil
import subprocess

import pytest

NOWHERE = {"PG_HOST": "127.0.0.1", "PG_PORT": "1", "VALKEY_URL": "redis://127.0.0.1:1"}


@pytest.mark.network
def test_promtool_finds_nothing_to_mend(start_server):
    promtool = shutil.which("promtool")
    assert promtool, "promtool of Debian's package prometheus is missing; `make test` unpacks it"
    server = start_server(**NOWHERE)
    for path in ("/health_check", "/", "/nothing/here", "/api/projects"):
        server.http.get(path)

    text = server.http.get("/metrics").text
    judged = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")


@pytest.mark.network
def test_every_help_text_is_a_sentence_about_its_metric(start_server):
    helps = [
        line.split(" ", 3)[3]
        for line in start_server(**NOWHERE).http.get("/metrics").text.splitlines()
        if line.startswith("# HELP ")
    ]

    assert len(helps) == len(set(helps)) > 20
    for text in helps:
        assert text.endswith((".", "0.")) or ": 1" in text, text
        assert len(text.split()) >= 5, text

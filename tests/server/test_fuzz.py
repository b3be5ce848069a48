"""The API against its own OpenAPI document, fuzzed with Schemathesis on a real instance."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.platform_server import AUTHORIZED

pytest.importorskip("schemathesis", reason="Schemathesis is not installed")
pytestmark = [pytest.mark.services, pytest.mark.long]

EXAMPLES = 10
PROGRAM = Path(sys.executable).with_name("schemathesis")


def test_every_answer_is_one_that_the_document_describes(demo, tmp_path):
    server = demo.start_warm()
    url = f"http://127.0.0.1:{server.port}"

    fuzzed = subprocess.run(
        [
            PROGRAM,
            "run",
            f"{url}/openapi.json",
            f"--header=Authorization:{AUTHORIZED['Authorization']}",
            f"--max-examples={EXAMPLES}",
            "--phases=examples,coverage,fuzzing",
            "--generation-deterministic",
            "--continue-on-failure",
            "--warnings=off",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert fuzzed.returncode == 0, fuzzed.stdout[-20_000:]
    assert "Traceback" not in server.log

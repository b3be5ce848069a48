"""Ask a platform for everything that it can be asked for, from inside its own container.

This file is sent into the container, and runs on the image's own Python. So it imports nothing of
wb. It writes a line of JSON for each answer: first how many there will be, then the path, the name,
the status, the version of the data where an object's routes tell it, a digest of the normalised
text, and the text itself, compressed and in base64. Where it is given what it shall ask, it leaves
out each text whose digest is the one that it was given.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import sys
import threading
import time
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import quote

QUESTIONS, SAID = "/questions.json", "/tmp/said"  # noqa: S108  (its container is its own)
LINES_TOLD, LONGEST_LINE = 10, 300
PORT, HEALTH_PATH, TOKEN = 8000, "/health_check", "WB_ADMIN_TOKEN"
WORKERS, TRIES, ANSWERS_WITHIN_S, SOON_S = 4, 3, 300.0, 0.1
OK, ERROR = 200, 500
# The exit code that says that this is no platform that could be asked.
UNFIT = 3
# A larger answer is only known by its digest.
LARGEST = 16 * 1024 * 1024
PIECE = 1024 * 1024
DATASETS = {
    "HMIS dataset, raw indicators": "/api/datasets/hmis/raw",
    "HMIS dataset, common indicators": "/api/datasets/hmis/common",
    "HFA dataset": "/api/datasets/hfa",
}
# What is cached of an object. Another route tells of which version of the data that is.
OF_OBJECT = re.compile(r"(?P<object>/api/projects/[^/]+/objects/[^/]+)(?P<items>/items)?")


class Question(NamedTuple):
    """What is asked for: its path, its name, and the digest of an answer that is known already."""

    path: str
    name: str
    digest: str = ""


class Answer(NamedTuple):
    """What came. ``status`` is 0 where nothing did. A body that is too large is left out."""

    status: int
    version: str = ""
    digest: str = ""
    body: bytes | None = None


class Client:
    """Asks the platform. Each thread has a connection of its own."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def ask(self, path: str) -> Answer:
        """Ask for a path, again where it fails, and for the version of its data."""
        answer = self._ask_again(path)
        return answer._replace(version=self.find_version(path))

    def find_version(self, path: str) -> str:
        """Find the version of the data that an answer is of; "" where nothing tells it."""
        found = OF_OBJECT.fullmatch(path)
        told = self._ask_again(f"{found['object']}/cache") if found else Answer(0)
        if not found or told.status != OK or told.body is None:
            return ""
        part = json.loads(told.body)["items" if found["items"] else "detail"]
        return str(part["versionHash"] or "")

    def _ask_again(self, path: str) -> Answer:
        answer = Answer(0)
        for _ in range(TRIES):
            try:
                answer = self._ask(path)
            except (OSError, http.client.HTTPException):
                self._connect().close()  # it is opened again by the next question
            if 0 < answer.status < ERROR:
                break
            time.sleep(SOON_S)
        return answer

    def read(self, path: str) -> Any:
        """Ask for a list. Ends the program where the platform has none."""
        answer = self._ask_again(path)
        if answer.status != OK or answer.body is None:
            print(f"{path} answers with {answer.status or 'nothing'}", file=sys.stderr)  # noqa: T201
            sys.exit(UNFIT)
        return json.loads(answer.body)

    def _ask(self, path: str) -> Answer:
        connection = self._connect()
        headers = {"Accept-Encoding": "identity"}
        if token := os.environ.get(TOKEN):
            headers["Authorization"] = f"Bearer {token}"
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read(LARGEST + 1)
        if len(body) > LARGEST:
            return Answer(response.status, digest=digest_rest(body, response))
        text = normalise(body)
        return Answer(response.status, digest=hashlib.sha256(text).hexdigest(), body=text)

    def _connect(self) -> http.client.HTTPConnection:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(
                "127.0.0.1", PORT, timeout=ANSWERS_WITHIN_S
            )
            self._connections.append(self._own.connection)
        connection: http.client.HTTPConnection = self._own.connection
        return connection

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._connections:
            connection.close()


def digest_rest(begin: bytes, response: http.client.HTTPResponse) -> str:
    """Digest a body that is too large to keep."""
    digest = hashlib.sha256(begin)
    while piece := response.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def normalise(body: bytes) -> bytes:
    """Write JSON so that the order of names and the spaces between them do not matter."""
    try:
        text = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        return body
    return text.encode()


def wait_until_healthy(server: int, within_s: float) -> None:
    """Wait until the platform answers. Ends the program if it does not."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if ended := find_end(server):
            sys.exit(f"{ended} while it started")
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            connection.request("GET", HEALTH_PATH)
            if connection.getresponse().status < ERROR:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(SOON_S)
    sys.exit(f"it was not healthy within {within_s:g} s")


def find_questions(client: Client) -> list[Question]:
    """Find everything that can be asked for: of each project, of its objects, and the datasets."""
    found = [Question(path, name) for name, path in DATASETS.items()]
    for project in client.read("/api/projects"):
        root = f"/api/projects/{quote(project['id'], safe='')}"
        metrics = {}
        for each in client.read(f"{root}/objects"):
            path = f"{root}/objects/{quote(each['id'], safe='')}"
            name = f"{project['id']}: {each['label']} ({each['id']})"
            found.append(Question(path, f"{name}, detail"))
            found.append(Question(f"{path}/items", f"{name}, items"))
            metrics[each["metricId"]] = f"{root}/metrics/{quote(each['metricId'], safe='')}"
        found += [
            Question(path, f"{project['id']}: metric {metric}") for metric, path in metrics.items()
        ]
    return found


def write_answer(question: Question, answer: Answer) -> str:
    """Write an answer as a line."""
    line: dict[str, Any] = {
        "path": question.path,
        "name": question.name,
        "status": answer.status,
        "version": answer.version,
        "digest": answer.digest,
    }
    if answer.body is not None and answer.digest != question.digest:
        line["body"] = base64.b64encode(zlib.compress(answer.body, 1)).decode()
    return json.dumps(line)


def read_questions(client: Client) -> list[Question]:
    """Read what shall be asked, or else find what can be."""
    if not os.path.exists(QUESTIONS):  # noqa: PTH110  (an image's Python may be an old one)
        return find_questions(client)
    with open(QUESTIONS, "rb") as file:  # noqa: PTH123
        return [Question(*each) for each in json.load(file)]


def ask_all(client: Client, questions: list[Question]) -> None:
    """Ask everything, a few questions at a time, and write each answer as it comes."""
    writing = threading.Lock()

    def ask(question: Question) -> None:
        line = write_answer(question, client.ask(question.path))
        with writing:
            print(line, flush=True)  # noqa: T201

    with ThreadPoolExecutor(WORKERS) as workers:
        for _ in workers.map(ask, questions):
            pass


def main(server: int, within_s: float) -> None:
    """Wait for the platform, ask it, and write what it answers."""
    wait_until_healthy(server, within_s)
    client = Client()
    questions = read_questions(client)
    print(json.dumps({"total": len(questions)}), flush=True)  # noqa: T201
    ask_all(client, questions)
    client.close()
    if ended := find_end(server):
        sys.exit(f"{ended} while it was asked")


def find_end(server: int) -> str:
    """Say how the platform ended, which is a child of this process; "" if it runs."""
    ended, status = os.waitpid(server, os.WNOHANG)
    if not ended:
        return ""
    return "it was killed, perhaps for too little memory," if os.WIFSIGNALED(status) else "it ended"


def tell_last_lines() -> None:
    """Write the last lines that the platform wrote to stderr."""
    with open(SAID, errors="replace") as file:  # noqa: PTH123
        for line in deque(file, LINES_TOLD):
            print(line.rstrip()[:LONGEST_LINE], file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), float(sys.argv[2]))
    except BaseException:
        tell_last_lines()
        raise

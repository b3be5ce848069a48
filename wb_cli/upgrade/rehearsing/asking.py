"""Run a version on a throw-away database, without a network, and ask it everything."""

from __future__ import annotations

import json
import time
from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli.contract import Env, Part
from wb_cli.engine.task import TaskMount, TaskSpec
from wb_cli.errors import WbError
from wb_cli.quantities import describe_duration
from wb_cli.secret import Secret
from wb_cli.upgrade.rehearsing.answers import parse_answer
from wb_cli.upgrade.rehearsing.database import SOCKETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wb_cli.backup.trial import Trial
    from wb_cli.engine.base import Engine
    from wb_cli.lifecycle.planning.desired import Desired
    from wb_cli.upgrade.rehearsing.answers import Answer
    from wb_cli.upgrade.rehearsing.database import Database

SOCKET_PATH = "/run/wb-rehearsal"
PROGRAM, QUESTIONS = "/ask.py", "/questions.json"
TOTAL = '{"total"'
# Nothing listens there, so the version computes everything.
NO_VALKEY = "redis://127.0.0.1:1"
# Nobody can reach the database but who sees its socket, so it asks for none.
NO_PASSWORD = Secret("none")
REMEDY = "`--timeout` gives it more time to become healthy, `--memory` more room."
# The exit code of an image that cannot be asked at all.
UNFIT = 3
NOT_ASKED = "It needs the routes of `wb-platform` from `/api/projects` on, and a Python."
# Before so many seconds have passed, nothing is said of the time that is left.
TELLS_FROM_S = 3.0


class Progress:
    """Says how far the asking is, and how long it will still take."""

    def __init__(self, what: str, report: Callable[[str], None]) -> None:
        self._what, self._report = what, report
        self._total, self._done, self._began = 0, 0, time.monotonic()

    def begin(self, total: int) -> None:
        """Take how many answers there will be."""
        self._total, self._began = total, time.monotonic()

    def count(self) -> None:
        """Count an answer, and tell."""
        self._done += 1
        passed = time.monotonic() - self._began
        text = f"asking {self._what}: {self._done:,} of {self._total:,}"
        if passed >= TELLS_FROM_S:
            left = passed / self._done * (self._total - self._done)
            text += f", about {describe_duration(left)} left"
        self._report(text)


class Questions:
    """What one version is asked, and the way its answers go.

    ``known`` are the answers that the other version gave to the same questions. Without them the
    version is asked for everything that it says it has.
    """

    def __init__(
        self, progress: Progress, take: Callable[[Answer], None], known: Iterable[Answer] = ()
    ) -> None:
        self.known = tuple(known)
        self._progress, self._take = progress, take
        self.problem: WbError | None = None

    def write(self) -> dict[str, bytes]:
        """Give the file of the questions, by its path in the container."""
        if not self.known:
            return {}
        asked = [(answer.path, answer.name, answer.digest) for answer in self.known]
        return {QUESTIONS: json.dumps(asked).encode()}

    def hear(self, line: str) -> None:
        """Take a line of the program that asks."""
        if self.problem:
            return
        try:
            if line.startswith(TOTAL):
                self._progress.begin(int(json.loads(line)["total"]))
                return
            answer = parse_answer(line)
        except ValueError as error:
            self.problem = WbError(f"an answer cannot be read: {error}")
            return
        try:
            self._take(answer)
        except WbError as error:
            self.problem = error
        self._progress.count()


class Asker(Struct, frozen=True):
    """Runs versions on a throw-away database. Each may take ``memory`` bytes.

    A version has ``within_s`` seconds to become healthy.
    """

    engine: Engine
    trial: Trial
    database: Database
    within_s: float
    memory: int
    labels: Mapping[str, str]

    def ask(self, image: str, described: Desired, questions: Questions) -> None:
        """Run an image as the platform of an instance, without a folder or a network, and ask it.

        Raises:
            WbError: it could not be asked, or the database ended.
            InterruptedError: a signal came.
        """
        spec = self._describe_task(image, described, questions)
        try:
            end = self.engine.run_task(spec, questions.hear, self.database.ended)
        except InterruptedError:
            self.database.require()
            raise
        self.database.require()
        if end.code:
            remedy = NOT_ASKED if end.code == UNFIT else REMEDY
            raise WbError(f"it could not be asked: {end.why}", remedy)
        if questions.problem:
            raise questions.problem

    def _describe_task(self, image: str, described: Desired, questions: Questions) -> TaskSpec:
        found, platform = self.engine.find_image(image), described.container(Part.PLATFORM)
        if found is None:
            raise WbError(f"the image {image} is not on this engine")
        if platform is None:
            raise AssertionError("every instance has a platform")
        values = {
            **platform.environment,
            Env.PG_HOST: SOCKET_PATH,
            Env.PG_PASSWORD: NO_PASSWORD,
            Env.VALKEY_URL: NO_VALKEY,
        }
        package = files(__package__)
        script = package.joinpath("ask.sh").read_text()
        return TaskSpec(
            purpose="rehearsal",
            image=image,
            command=("sh", "-c", script, "ask", f"{self.within_s:g}", *found.command),
            mounts=(TaskMount(str(self.trial.target / SOCKETS), SOCKET_PATH),),
            environment={name: text for name, text in values.items() if isinstance(text, str)},
            secrets={name: text for name, text in values.items() if isinstance(text, Secret)},
            files={PROGRAM: package.joinpath("ask.py").read_bytes(), **questions.write()},
            labels=self.labels,
            memory=self.memory,
        )

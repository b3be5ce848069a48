"""Wait until a container is ready, and say when it counts as ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from wb_cli import contract
from wb_cli.contract import Part
from wb_cli.engine.types import Health, State
from wb_cli.errors import EngineError, NotFoundError, StartFailedError, StillStartingError
from wb_cli.lifecycle.readiness import health_report, probes
from wb_cli.lifecycle.readiness.probes import Answer, Verdict
from wb_cli.lifecycle.receiving.part import REPORT

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from wb_cli.engine.base import Engine
    from wb_cli.engine.types import ContainerDetail, ContainerSpec, Port
    from wb_cli.lifecycle.machine.base import Machine

WIRE_INTERVAL_S = 0.01
EXEC_INTERVAL_S = 0.25
INSPECT_INTERVAL_S = 0.1
LOG_LINES = 15
LAST_LINES_FOLLOW = "; its last lines:"
# Exit codes of an orderly end: without a signal, after SIGINT, after SIGTERM.
CLEAN_ENDS = {0, 130, 143}
ANY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104  (read from specs, not bound)

_HEALTH_URL = f"http://127.0.0.1:{contract.PLATFORM_PORT}{contract.HEALTH_PATH}"
_PYTHON_PROBE = f"""
import urllib.request, urllib.error
try:
    urllib.request.urlopen({_HEALTH_URL!r}, timeout=2)
except urllib.error.HTTPError as error:
    raise SystemExit(error.code >= 500)
"""
# They run inside a container that cannot be reached. A platform's image may have any of its three.
EXEC_PROBES: dict[Part, tuple[Sequence[str], ...]] = {
    Part.POSTGRES: (("pg_isready", "-h", "127.0.0.1", "-U", contract.POSTGRES_SUPERUSER),),
    Part.VALKEY: (("valkey-cli", "ping"),),
    Part.WAL: (("cat", REPORT),),
    Part.ADMIN: (),
    Part.PLATFORM: (
        ("python3", "-c", _PYTHON_PROBE),
        ("curl", "-sf", "-o", "/dev/null", _HEALTH_URL),
        ("wget", "-q", "-O", "/dev/null", _HEALTH_URL),
    ),
}
COMMAND_NOT_FOUND = (126, 127)
NO_WAY = Answer(Verdict.UNREACHABLE, "no way to ask it")


class Watch(Struct):
    """A wait for one container, with its deadline and what may end it early."""

    engine: Engine
    container: str
    spec: ContainerSpec
    deadline: float
    cancelled: threading.Event
    machine: Machine | None = None
    clock: Callable[[], float] = time.monotonic

    def wait_until_ready(self) -> None:
        """Return when the container is ready.

        A container that answers is ready, whatever the health check of its image says: that check
        may be wrong.

        Raises:
            StartFailedError: the container exited; or it does not answer, and the health check of
                its image calls it unhealthy.
            StillStartingError: the container was not ready by the deadline.
            InterruptedError: the wait was cancelled.
        """
        inspected, detail = -INSPECT_INTERVAL_S, None
        while True:
            if detail is None or self.clock() - inspected >= INSPECT_INTERVAL_S:
                detail, inspected = self._inspect(), self.clock()
            answer = probe(self.engine, self.spec, detail, self.machine)
            if answer.verdict is Verdict.READY:
                return
            if detail.health is Health.UNHEALTHY:
                raise self._describe_failure(detail)
            self._refuse_wrong_password(answer)
            if self.clock() >= self.deadline:
                raise self._describe_lateness(answer)
            if self.cancelled.wait(_interval(answer)):
                raise InterruptedError(self.spec.name)

    def _inspect(self) -> ContainerDetail:
        try:
            detail = self.engine.inspect(self.container)
        except NotFoundError:
            raise StartFailedError(
                f"{self.spec.name} is gone: it exited while starting",
                "It runs with --rm (`restart: no`), so its log went with it.",
                ended_cleanly=True,
            ) from None
        if detail.state.has_ended:
            raise self._describe_failure(detail)
        return detail

    def _describe_failure(self, detail: ContainerDetail) -> StartFailedError:
        how = f"exited with code {detail.exit_code}"
        if detail.health is Health.UNHEALTHY:
            how = "is unhealthy"
        if detail.state is State.RESTARTING:
            how = f"exits again and again, {detail.restart_count} times so far,"
        reason = " (out of memory)" if detail.oom_killed else ""
        log = read_last_lines(self.engine, self.container)
        # Only the platform has a memory limit that can be raised.
        more = f"`wb config set {self.spec.instance} memory=...` gives it more."
        is_limited = detail.oom_killed and self.spec.part is Part.PLATFORM
        return StartFailedError(
            f"{self.spec.name} {how}{reason} while starting{log}",
            more if is_limited else "",
            ended_cleanly=detail.state is State.EXITED and detail.exit_code in CLEAN_ENDS,
        )

    def _refuse_wrong_password(self, answer: Answer) -> None:
        """Raise an error if PostgreSQL refuses the password, because waiting does not help."""
        report = health_report.parse(answer.text)
        if report and report.is_refused:
            raise StartFailedError(
                f"{self.spec.name} is not let in by its database: {report.reason}",
                "The database in its folder was made with another password. Write that one as "
                f"`postgresPassword` into {self.spec.instance}.json in the secrets folder; where "
                "the file has no such line, set PG_PASSWORD.",
            )

    def _describe_lateness(self, answer: Answer) -> StillStartingError:
        text = self._read_last_text(answer)
        said = f"; it last said: {text[:200]}" if text else ""
        return StillStartingError(
            f"{self.spec.name} is still starting{said}",
            f"It was left running. `wb status {self.spec.instance}` shows how it goes on.",
        )

    def _read_last_text(self, answer: Answer) -> str:
        """Give the platform's report, or else the answer as it came.

        For a platform that answered nothing, give the last line of its log.
        """
        if report := health_report.parse(answer.text):
            return str(report)
        if answer.text or self.spec.part is not Part.PLATFORM:
            return answer.text
        return "".join(self.engine.read_logs(self.container, 1).strip().splitlines()[-1:])


def probe(
    engine: Engine, spec: ContainerSpec, detail: ContainerDetail, machine: Machine | None = None
) -> Answer:
    """Ask a container once whether it is ready: over the network, or else from inside.

    The last way is the container's own machine, if that is another one.
    """
    if spec.part is Part.ADMIN:
        return Answer(Verdict.READY if detail.state is State.RUNNING else Verdict.NOT_YET)
    if detail.state not in {State.RUNNING, State.UNKNOWN}:  # one in an unknown state may be running
        return Answer(Verdict.NOT_YET, detail.state)
    # On this machine, an address of another one leads to nothing, or to something else.
    is_near = engine.is_local
    answer = _ask_over_the_wire(spec, detail) if is_near else Answer(Verdict.UNREACHABLE)
    if answer.verdict is Verdict.UNREACHABLE:
        answer = _ask_from_inside(engine, spec, detail)
    if answer is NO_WAY and machine and spec.part is Part.PLATFORM and spec.ports:
        return machine.ask_http(*reachable_address(spec.ports[0]), contract.HEALTH_PATH)
    return answer


def _ask_over_the_wire(spec: ContainerSpec, detail: ContainerDetail) -> Answer:
    if spec.part is Part.PLATFORM and spec.ports:
        host, port = reachable_address(spec.ports[0])
        return probes.ask_http(host, port, contract.HEALTH_PATH)
    address = detail.addresses.get(spec.instance, "")
    if not address:
        return Answer(Verdict.UNREACHABLE)
    if spec.part is Part.PLATFORM:  # the engine lists no ports of a container between two starts
        return probes.ask_http(address, contract.PLATFORM_PORT, contract.HEALTH_PATH)
    if spec.part is Part.WAL:  # it listens nowhere
        return Answer(Verdict.UNREACHABLE)
    ask, port = {
        Part.POSTGRES: (probes.ask_postgres, contract.POSTGRES_PORT),
        Part.VALKEY: (probes.ask_valkey, contract.VALKEY_PORT),
    }[spec.part]
    return ask(address, port)


def _ask_from_inside(engine: Engine, spec: ContainerSpec, detail: ContainerDetail) -> Answer:
    for command in EXEC_PROBES[spec.part]:
        try:
            code, output = engine.execute(detail.id, command)
        except EngineError as error:  # it may have exited meanwhile
            return Answer(Verdict.UNREACHABLE, error.message)
        if code in COMMAND_NOT_FOUND:
            continue
        text = output.decode(errors="replace").strip()
        is_ready = code == 0 and (spec.part is not Part.VALKEY or text == "PONG")
        return Answer(Verdict.READY if is_ready else Verdict.UNREACHABLE, text[:200])
    return NO_WAY


def reachable_address(port: Port) -> tuple[str, int]:
    """Give the address at which this host reaches a published port."""
    return ("127.0.0.1" if port.address in ANY_ADDRESS else port.address), port.host


def read_last_lines(engine: Engine, container: str) -> str:
    """Read the end of a container's log, indented for a message. Empty if there is no log."""
    lines = engine.read_logs(container, LOG_LINES).strip().splitlines()
    return LAST_LINES_FOLLOW + "".join(f"\n    {line}" for line in lines) if lines else ""


def _interval(answer: Answer) -> float:
    return EXEC_INTERVAL_S if answer.verdict is Verdict.UNREACHABLE else WIRE_INTERVAL_S

"""Look at the figures of platforms for a while, span by span of time."""

from __future__ import annotations

import http.client
import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from wb_cli.contract import LAST_HOUR_PATH, METRICS_PATH, Part
from wb_cli.errors import WbError
from wb_cli.lifecycle.readiness.health import reachable_address
from wb_cli.observe.status.side_by_side import ask_all
from wb_cli.upgrade.figures import find_window, parse_figures, parse_last_hour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wb_cli.engine.types import Observed, ObservedContainer
    from wb_cli.instances.secrets import SecretStore
    from wb_cli.upgrade.figures import Figures, Window

T = TypeVar("T")

ANSWERS_WITHIN_S, ALL_WITHIN_S = 3.0, 10.0
MOST_BYTES = 4 * 2**20
SPANS, SHORTEST_S = 10, 0.5


class Looks:
    """Looks at instances, and keeps what was found: ``figures`` by the last look, or why not.

    ``windows`` are the spans of time in which one process ran all the while, and was warm.
    """

    def __init__(
        self, observe: Callable[[], Observed], secrets: SecretStore, ids: Sequence[str]
    ) -> None:
        self._observe, self._secrets, self._ids = observe, secrets, ids
        self.figures: dict[str, Figures | WbError] = {}
        self.windows: dict[str, list[Window]] = {id_: [] for id_ in ids}

    def look_for(self, seconds: float, report: Callable[[float], object]) -> Looks:
        """Look again and again, for that long. ``report`` is told how many seconds are left."""
        span = max(seconds / SPANS, SHORTEST_S)
        end = time.monotonic() + seconds
        self._look()
        due = time.monotonic() + span
        while (left := end - time.monotonic()) > 0:
            report(left)
            time.sleep(min(1.0, left, max(due - time.monotonic(), 0.0)))
            if time.monotonic() >= due:
                self._look()
                due += span
        return self

    def look_back(self) -> Looks:
        """Take in the last hour of each platform that knows it, minute by minute.

        One that does not know it, as that of an older version, is known by the looks alone.
        """
        for id_, minutes in self._ask_all(self._read_hour).items():
            if not isinstance(minutes, WbError):
                self.windows[id_] = [*minutes, *self.windows[id_]]
        return self

    def find_unread(self, id_: str) -> str:
        """Find why an instance's figures were not read by the last look; "" if they were."""
        found = self.figures.get(id_)
        if found is None:
            return f"it did not answer within {ALL_WITHIN_S:g} s"
        return found.headline if isinstance(found, WbError) else ""

    def _look(self) -> None:
        before, self.figures = self.figures, self._ask_all(self._read)
        for id_, later in self.figures.items():
            earlier = before.get(id_)
            if earlier and not isinstance(earlier, WbError) and not isinstance(later, WbError):
                window = find_window(earlier, later)
                self.windows[id_] += [window] if window else []

    def _ask_all(
        self, read: Callable[[str, ObservedContainer | None], T]
    ) -> dict[str, T | WbError]:
        """Ask the platforms of all instances, side by side."""
        observed = self._observe()
        asked = {
            id_: partial(read, id_, observed.find_running(id_, Part.PLATFORM)) for id_ in self._ids
        }
        return ask_all(asked, ALL_WITHIN_S)

    def _read(self, id_: str, platform: ObservedContainer | None) -> Figures:
        return parse_figures(self._ask(id_, platform, METRICS_PATH).decode(errors="replace"))

    def _read_hour(self, id_: str, platform: ObservedContainer | None) -> list[Window]:
        return parse_last_hour(self._ask(id_, platform, LAST_HOUR_PATH))

    def _ask(self, id_: str, platform: ObservedContainer | None, path: str) -> bytes:
        """Ask one platform.

        Raises:
            WbError: it does not run, does not answer, or answers something else.
        """
        if platform is None or not platform.ports:
            raise WbError(f"the platform of {id_} cannot be reached", f"`wb status {id_}`")
        host, port = reachable_address(platform.ports[0])
        stored = self._secrets.read(id_)
        token = {"Authorization": f"Bearer {stored.admin_token.reveal()}"} if stored else {}
        connection = http.client.HTTPConnection(host, port, timeout=ANSWERS_WITHIN_S)
        try:
            connection.request("GET", path, headers=token)
            answer = connection.getresponse()
            text = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise WbError(f"{path} of {id_} did not answer: {error}", f"`wb why {id_}`") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise WbError(f"{path} of {id_} answered {answer.status}", f"`wb token {id_}`")
        return text

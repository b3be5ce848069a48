"""A follower goes on through replaced containers and an absent engine, and says why it ends."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from support.fake_engine import WRITTEN_AT, FakeEngine
from support.services import wait_until

from wb_cli.contract import Part
from wb_cli.engine.log_lines import LogLine, LogWanted, count_nanoseconds
from wb_cli.engine.types import ContainerSpec, NetworkSpec, Observed, State
from wb_cli.errors import EngineUnreachableError
from wb_cli.observe.current_parts import pick_current
from wb_cli.observe.logs import follow
from wb_cli.observe.logs.follow import Follower, Watcher
from wb_cli.observe.logs.options import LogChoice

IMAGE = "x:1"


class TalkingEngine(FakeEngine):
    """A stream of lines that is followed goes on as long as its container runs."""

    is_away = False

    def read_lines(self, container: str, wanted: LogWanted) -> Generator[LogLine, None, None]:
        given = wanted
        while True:
            has_ended = self.is_away or self._container(container).state is not State.RUNNING
            lines = list(super().read_lines(container, given))
            yield from lines
            if has_ended or not wanted.follow:
                return
            seen = len(self._container(container).log.splitlines())
            while self._container(container).state is State.RUNNING and not self.is_away:
                if len(self._container(container).log.splitlines()) > seen:
                    break
                time.sleep(0.01)
            given = LogWanted(since=_count(seen), follow=True)

    def observe(self) -> Observed:
        if self.is_away:
            raise EngineUnreachableError("the Docker Engine does not answer")
        return super().observe()


def _count(lines: int) -> int:
    """The moment of the line after so many."""
    return count_nanoseconds(f"{WRITTEN_AT}.{lines:09}Z")


def wait_for_ever() -> None:
    threading.Event().wait()


@dataclass
class Following:
    """A follower of the instance demo that runs in a thread."""

    engine: TalkingEngine
    shown: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    is_being_changed: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    def begin(self, *parts: Part) -> None:
        watcher = Watcher(
            self._show, self.told.append, lambda: self.is_being_changed, wait_for_ever
        )
        follower = Follower(self.engine, "demo", parts, LogChoice(), watcher)
        current = pick_current(self.engine.observe(), "demo")

        def work() -> None:
            follower.follow({part: current[part] for part in parts if part in current})
            self.over.set()

        threading.Thread(target=work, daemon=True).start()

    def _show(self, lines: Iterable[tuple[Part, LogLine]]) -> None:
        self.shown += [line.text.decode().strip() for _, line in lines]

    def until_shown(self, text: str) -> None:
        wait_until(lambda: text in self.shown, f"the line {text}")

    def until_told(self, text: str) -> None:
        wait_until(lambda: any(text in told for told in self.told), f"{text}; told: {self.told}")


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    for name in ("RETRY_S", "GRACE_S", "GRACE_AFTER_LOSS_S"):
        monkeypatch.setattr(follow, name, 0.05)
    engine = TalkingEngine([IMAGE])
    engine.create_network(NetworkSpec("demo", "10.0.0.0/29", {}))
    made = Following(engine)
    yield made
    for container in list(engine.containers.values()):  # the follower ends with its instance
        engine.stop(container.id, 1)
        engine.containers.pop(container.id, None)
    made.is_being_changed = False
    wait_until(made.over.is_set, f"the end of the follower; told: {made.told}")


def add(following: Following, part: Part, log: str) -> str:
    engine = following.engine
    id_ = engine.create_container(ContainerSpec("demo", part, IMAGE), next(iter(engine.networks)))
    engine.containers[id_].log = log
    engine.start(id_)
    return id_


def replace_platform(following: Following, old: str) -> None:
    following.engine.stop(old, 1)
    following.engine.remove_container(old)
    add(following, Part.PLATFORM, "new\n")


def restart_engine(following: Following, platform: str) -> None:
    following.engine.is_away = True
    following.engine.go_away()
    following.until_told("the Docker Engine does not answer; waiting for it")
    following.engine.containers[platform].log += "new\n"
    following.engine.is_away = False


CHANGES: dict[str, tuple[Callable[[Following, str], None], str]] = {
    "the container is replaced": (
        replace_platform, "demo was replaced; going on with the new container",
    ),
    "the engine goes away and comes back": (
        restart_engine, "the Docker Engine answers again",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_it_goes_on_and_says_so_and_no_line_is_shown_twice(
    following: Following, change: Callable[[Following, str], None], told: str
) -> None:
    platform = add(following, Part.PLATFORM, "old\n")
    following.begin(Part.PLATFORM)
    following.until_shown("old")
    following.is_being_changed = True
    change(following, platform)
    following.until_shown("new")
    following.until_told(told)
    assert following.shown == ["old", "new"]
    assert not following.over.is_set()


def test_a_part_that_ends_is_told_with_its_code_and_the_others_go_on(following: Following) -> None:
    add(following, Part.POSTGRES, "of postgres\n")
    platform = add(following, Part.PLATFORM, "of platform\n")
    following.begin(Part.POSTGRES, Part.PLATFORM)
    following.until_shown("of postgres")
    following.engine.crash("demo-postgres", 3)
    following.until_told("demo-postgres exited with code 3")
    following.engine.containers[platform].log += "more of platform\n"
    following.until_shown("more of platform")
    assert sorted(following.shown) == ["more of platform", "of platform", "of postgres"]
    assert not following.over.is_set()


def test_it_ends_with_the_instance_and_says_so(following: Following) -> None:
    platform = add(following, Part.PLATFORM, "old\n")
    following.begin(Part.PLATFORM)
    following.until_shown("old")
    following.engine.stop(platform, 1)
    following.engine.remove_container(platform)
    following.until_told("demo was stopped, so nothing more comes")
    wait_until(following.over.is_set, "the end")


def test_it_ends_when_nothing_that_it_follows_runs_any_more(following: Following) -> None:
    add(following, Part.PLATFORM, "old\n")
    following.begin(Part.PLATFORM)
    following.until_shown("old")
    following.engine.crash("demo", 9)
    following.until_told("demo: demo does not run any more; `wb run demo` starts it")
    wait_until(following.over.is_set, "the end")

"""Work that may fail or take too long has no answer then."""

import threading

from wb_cli.errors import WbError
from wb_cli.host.moments import do_within


def fail() -> str:
    raise WbError("the engine does not answer")


def test_what_is_done_in_time_is_answered() -> None:
    assert do_within(30, lambda: "done") == "done"


def test_what_fails_or_does_not_end_has_no_answer() -> None:
    assert do_within(30, fail) is None
    assert do_within(0.01, threading.Event().wait) is None

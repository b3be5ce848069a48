"""``python -m wb_cli``, and the ``wb`` command."""

import gc
import os
import signal
import sys

INTERRUPTED, TERMINATED = 130, 143  # see wb_cli.errors, which is not imported yet


def main() -> None:
    """Run the command line and leave with its exit code.

    A short-lived process need not tidy its memory, while it runs or at its end: together that is
    a fifth of the time Python takes here. mypy does the same (its ``hard_exit``).
    """
    _leave_at_signals()
    gc.set_threshold(100_000, 50, 50)
    from wb_cli.cli import streams

    streams.prepare()
    from wb_cli.cli.app import run

    code = run()  # stdout is flushed there
    sys.stderr.flush()
    os._exit(code)


def _leave_at_signals() -> None:
    """Until a command begins there is nothing to tidy; what is ignored stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: object) -> None:
    os._exit(INTERRUPTED if number == signal.SIGINT else TERMINATED)


if __name__ == "__main__":
    main()

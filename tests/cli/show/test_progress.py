"""Many threads write lines above the live board, and none is lost."""

import os
import sys

import pexpect
from support.screen import Screen

THREADS, JOBS = 8, 160
PROGRAM = f"""
import threading
from wb_cli.cli.console import Console
console = Console()
with console.tasks({JOBS}) as tasks:
    def work(first):
        for number in range(first, {JOBS}, {THREADS}):
            tasks.update(f"job{{number}}", "begins")
            tasks.update(f"job{{number}}", "goes on")
            tasks.finish(f"job{{number}}", "")
            console.write_line(f"job{{number}} is done")
            console.note(f"job{{number}} is told")
    threads = [threading.Thread(target=work, args=(first,)) for first in range({THREADS})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("the end")
"""


def test_no_line_is_lost_and_nothing_of_the_board_is_left() -> None:
    screen = Screen(24, 80)
    child = pexpect.spawn(
        sys.executable,
        ["-c", PROGRAM],
        env=os.environ | {"TERM": "xterm-256color"},
        dimensions=(24, 80),
        encoding="utf-8",
        timeout=60,
    )
    while True:
        try:
            screen.feed(child.read_nonblocking(1 << 16, timeout=60))
        except pexpect.EOF:
            break
    child.close()
    left = [line for line in screen.everything if line]
    told = [f"job{number} is {what}" for number in range(JOBS) for what in ("done", "told")]
    assert sorted(left) == sorted([*told, "the end"])
    assert left[-1] == "the end"

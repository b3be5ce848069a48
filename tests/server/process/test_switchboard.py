"""The parent's ends of the workers' lines."""

import selectors
import socket

from wb_cli.server.process.switchboard import Switchboard


def test_a_worker_that_says_nothing_more_while_something_waits_for_it_is_only_cut_off() -> None:
    """Its line can be read and written in the same moment: it is at its end, and has room."""
    ours, theirs = socket.socketpair()
    with selectors.DefaultSelector() as selector, theirs:
        switchboard = Switchboard(selector)
        switchboard.add(1, ours)
        switchboard.tell_who_is_alive([1])
        theirs.shutdown(socket.SHUT_WR)

        ((key, events),) = selector.select(0)
        assert events == selectors.EVENT_READ | selectors.EVENT_WRITE
        key.data(events)

        assert not selector.get_map()
        switchboard.remove(1)

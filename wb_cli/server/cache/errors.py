"""What can go wrong with L2, in the four ways that call for different answers."""


class L2Error(Exception):
    """The L2 server gave no answer; the text is the reason, ready for a log line."""


class LostError(L2Error):
    """No connection, or no answer in time."""


class LoadingError(L2Error):
    """The server is up and still reading its snapshot: neither ready nor a miss."""


class BusyError(L2Error):
    """All our connections were in use until the deadline; the server is not to blame."""


class RefusedError(L2Error):
    """The server answered, with an error: out of memory, wrong type, no permission."""

"""Four ways in which L2 can fail. Each calls for a different reaction."""


class L2Error(Exception):
    """The L2 server gave no answer; the text is the reason, ready for a log line."""


class LostError(L2Error):
    """No connection, or no answer in time."""


class LoadingError(L2Error):
    """The server is up but still reads its snapshot, so it can give no answer yet."""


class BusyError(L2Error):
    """We were too busy: our connections were in use, or our event loop was late."""


class RefusedError(L2Error):
    """The server answered with an error, such as out of memory, wrong type or no permission."""

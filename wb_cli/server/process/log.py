"""Plain log lines, written to stdout at once. The engine adds the time."""

import logging
import re
import sys

NOISY = ("asyncio", "uvicorn.access")
# Control characters, line separators, and halves of surrogate pairs, which terminals cannot show.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class OneLine(logging.Formatter):
    """Writes a record as one line. A traceback follows, indented.

    Labels, ids and the messages of errors may contain line breaks. They are spelled out, so that no
    text from outside can look like a line of the server.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The message with every control character spelled out."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  (logging's name)
        """The traceback, indented, so that none of its lines looks like a record."""
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]
        return "\n".join(f"    {escaped(line)}" for line in lines)


def escaped(text: str) -> str:
    r"""Text in which a line break reads ``\n``, and an escape character ``\x1b``."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def set_up_logging(level: str) -> None:
    """Send all records to one handler, which flushes each record."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine("%(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)

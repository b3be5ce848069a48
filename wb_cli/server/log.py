"""Log lines, plain, to stdout at once: the engine adds the time, an operator greps the text."""

import logging
import sys

NOISY = ("asyncio", "uvicorn.access")


def set_up_logging(level: str) -> None:
    """One handler for everything. A record is flushed as it is written."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)

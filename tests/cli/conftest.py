"""A machine with the real engine, for the command line as a whole."""

from faults.conftest import host, new_host, shared_host, stand_in

__all__ = ["host", "new_host", "shared_host", "stand_in"]

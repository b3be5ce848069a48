"""wb: run many instances of a data platform on one server."""

__version__ = "0.1.0"

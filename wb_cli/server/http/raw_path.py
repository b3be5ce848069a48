"""Routes that tell a slash within an id (``%2F``) from a slash between parts of a path."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import unquote

from starlette.routing import Match, Route

# Stands for a slash within a part while the path is split. No decoded URL contains it.
SLASH = "\udc2f"


class RawPathRoute(Route):
    """A route that reads the path as it was sent, if the path contains ``%2F``."""

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        """Match as `Route` does, but keep encoded slashes within their part."""
        sent = scope.get("raw_path", b"").decode("ascii", "replace")
        if scope["type"] != "http" or "%2F" not in sent.upper():
            return super().matches(scope)
        marked = sent.replace("%2f", SLASH).replace("%2F", SLASH)
        # Decode each piece by itself, so that the mark stays as it is.
        path = SLASH.join(unquote(part) for part in marked.split(SLASH))
        match, child = super().matches({**scope, "path": path})
        parameters = child.get("path_params", {})
        given = {name: value.replace(SLASH, "/") for name, value in parameters.items()}
        return match, {**child, "path_params": given} if child else child

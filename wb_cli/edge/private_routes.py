"""The routes that change something: how nginx knows them, and refuses them."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from wb_cli.contract import CHANGING_ROUTES

# A letter that is written as a number, as in `/api/%63aches`. nginx passes a path on as it was
# sent, so these would be other spellings of the same route. No client writes letters so.
CODED_LETTER = "%([46][1-9A-Fa-f]|[57][0-9Aa])"
ANY_PART = "[^/?#]+"
END = "([?#]|$)"


def list_patterns() -> list[str]:
    """List the regular expressions that match a method and a path as they were sent."""
    methods = "|".join(sorted({method for method, _ in CHANGING_ROUTES}))
    routes = [f"^{method} {_write_path(path)}{END}" for method, path in CHANGING_ROUTES]
    return [*routes, f"^({methods}) [^?#]*{CODED_LETTER}"]


def write_map() -> list[str]:
    """Write the map that knows the private routes. All sites of one wb have the same."""
    patterns = [f'    "~{pattern}" 1;' for pattern in list_patterns()]
    return [
        f'map "$request_method $request_uri" {_name_variable()} {{',
        "    default 0;",
        *patterns,
        "}",
    ]


def write_refusal() -> str:
    """Write the line that refuses them."""
    return f"if ({_name_variable()}) {{ return 403; }}"


@cache
def _name_variable() -> str:
    # nginx takes the last map of a name. A site of another version of wb has another name.
    digest = hashlib.sha256("\n".join(list_patterns()).encode()).hexdigest()
    return f"$wb_private_{digest[:8]}"


def _write_path(path: str) -> str:
    parts = [ANY_PART if part.startswith("{") else re.escape(part) for part in path.split("/")]
    return "/".join(parts)

"""Ask nginx on this machine which text of a site it serves."""

from __future__ import annotations

import http.client
from http import HTTPStatus

WITHIN_S = 3.0
ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (only read)
MOST_BYTES = 200


def ask_site(listen: str, server_name: str, path: str) -> str:
    """Give what a site answers on a path; empty if nothing answers, or something else.

    ``listen`` is what nginx listens on, such as ``80`` or ``[::]:80``.
    """
    address, _, port = listen.rpartition(":")
    host = address.strip("[]")
    connection = http.client.HTTPConnection(
        ANY_ADDRESS.get(host, host), int(port), timeout=WITHIN_S
    )
    try:
        connection.request("GET", path, headers={"Host": server_name})
        answer = connection.getresponse()
        text = answer.read(MOST_BYTES).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
    return text if answer.status == HTTPStatus.OK else ""

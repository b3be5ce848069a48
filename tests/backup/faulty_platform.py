"""A platform in which one figure of one object is wrong."""

import json
from http import HTTPStatus
from typing import NamedTuple

from support.running_platform import Platform

HTTP = "/app/venv/lib/python3*/site-packages/wb_cli/server/http"
# One figure of one object is made wrong. The compiled code goes, or it would be used.
FAULT = f"""\
USER root
RUN cd {HTTP} && rm __pycache__/routes_read.* \\
 && sed -i '/^@from_cache$/{{N;s/^@from_cache\\ndef object_items(/@wrong\\n&/}}' routes_read.py \\
 && sed -i '/^@wrong$/i from wb_cli.server.http.wrong_figure import wrong' routes_read.py \\
 && grep -q '^@wrong$' routes_read.py \\
 && printf '%s\\n' 'import json' 'from functools import wraps' \\
    'from wb_cli.server.http.answers import json_answer' 'def wrong(answer):' \\
    '    @wraps(answer)' '    async def answered(platform, request):' \\
    '        response = await answer(platform, request)' \\
    '        if tuple(request.path_params.values()) != ("PROJECT", "OBJECT"):' \\
    '            return response' \\
    '        shown = json.loads(response.body)' \\
    '        shown["items"][ROW][FIELD] += BY' \\
    '        return json_answer(shown)' '    return answered' > wrong_figure.py
USER platform
"""
# The version of an object's details is made in another way, so what is cached of them is of no use.
OTHER_VERSIONS = """\
USER root
RUN cd /app/venv/lib/python3*/site-packages/wb_cli/server/results && rm __pycache__/declared.* \\
 && sed -i 's/: of.known.last_updated,/: "2" + of.known.last_updated,/' declared.py \\
 && grep -q '"2" + of.known.last_updated' declared.py
USER platform
"""


class Fault(NamedTuple):
    """Where a figure is made wrong, what it was, and by how much it is."""

    project: str
    object: str
    row: int
    field: str
    old: float
    by: int = 7

    def render(self) -> str:
        text = FAULT
        for name, value in self._asdict().items():
            text = text.replace(name.upper(), json.dumps(value) if name == "field" else str(value))
        return text


def choose_fault(platform: Platform) -> Fault:
    """A figure in the middle of an object that has several rows."""
    project = platform.get("/api/projects")[0]["id"]
    for object_id in platform.objects(project):
        status, body = platform.request("GET", f"/api/projects/{project}/objects/{object_id}/items")
        shown = json.loads(body)
        if status == HTTPStatus.OK and len(shown["items"]) > 2:
            row, field = len(shown["items"]) // 2, shown["fetchConfig"]["values"][0]
            return Fault(project, object_id, row, field, shown["items"][row][field])
    raise AssertionError("the sample has no object with rows")

"""Who may call what."""

import hmac
from enum import Enum, auto
from http import HTTPStatus

from starlette.requests import Request

from wb_cli.contract import Env
from wb_cli.secret import Secret
from wb_cli.server.http.problems import Problem


class Access(Enum):
    """What an endpoint asks of its caller."""

    OPEN = auto()
    TOKEN_IF_SET = auto()  # only shows something, so it is open if no token is configured
    TOKEN = auto()  # changes something, so it is closed if no token is configured


def check_access(access: Access, token: Secret | None, request: Request) -> None:
    """Let the request pass, or raise the Problem."""
    if access is Access.OPEN or (access is Access.TOKEN_IF_SET and token is None):
        return
    if len(request.headers.getlist("authorization")) > 1:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "there is more than one Authorization line", "Send one."
        )
    if token is None:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "this server has no token, so nothing may change it over HTTP",
            f"Start it with {Env.WB_ADMIN_TOKEN} set.",
        )
    if not is_bearer_of(token, request):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "this needs the instance's token",
            f"Send `Authorization: Bearer <{Env.WB_ADMIN_TOKEN}>`. The token is `adminToken` in "
            "<id>.json of the host's secrets folder.",
            {"WWW-Authenticate": 'Bearer realm="wb"'},
        )


def is_bearer_of(token: Secret, request: Request) -> bool:
    """Whether the request bears the token. The time of the comparison tells nothing about it."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    is_same = hmac.compare_digest(given.strip().encode(), token.reveal().encode())
    return scheme.lower() == "bearer" and is_same

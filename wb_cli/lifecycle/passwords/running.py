"""Give a running database the password that its instance has from now on."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from wb_cli.engine.task import TaskSpec
from wb_cli.errors import WbError
from wb_cli.lifecycle.passwords.verifier import make_verifier

if TYPE_CHECKING:
    import threading

    from wb_cli.engine.types import ObservedContainer
    from wb_cli.lifecycle.fleet import Fleet
    from wb_cli.secret import Secret


def set_while_running(
    fleet: Fleet,
    postgres: ObservedContainer,
    password: Secret,
    previous: Secret,
    cancelled: threading.Event,
) -> None:
    """Set the superuser's password, and check that it opens the database over the network.

    The database may have either of the two already. The password passes the container's own
    loopback alone, and no log. Where somebody gave the database a third one, it is set from inside
    the container, whose socket needs no password.

    Raises:
        WbError: the database refuses both, or does not answer.
        InterruptedError: a signal came.
    """
    script = files("wb_cli.lifecycle.passwords").joinpath("running.sh").read_text()
    spec = TaskSpec(
        purpose="password",
        image=postgres.image_id,
        command=("sh", "-c", script),
        network=f"container:{postgres.id}",
        secrets={"WB_PASSWORD": password, "WB_PREVIOUS": previous},
        labels=fleet.settings.labels,
    )
    end = fleet.engine.run_task(spec, lambda _: None, cancelled)
    if end.code and _set_from_inside(fleet, postgres, password):
        end = fleet.engine.run_task(spec, lambda _: None, cancelled)
    if end.code:
        said = "; ".join(end.complaints) or f"exit {end.code}"
        raise WbError(
            f"the password of {postgres.name} could not be changed: {said}",
            "Where somebody gave the database another password, set POSTGRES_PASSWORD, or "
            f"`postgresPassword` in {postgres.instance}.json in the secrets folder, to that one.",
        )


def _set_from_inside(fleet: Fleet, postgres: ObservedContainer, password: Secret) -> bool:
    """Set the password over the container's own socket. Say whether that was done.

    The engine keeps the words of a command, so they have what PostgreSQL keeps of the password, and
    not the password itself.
    """
    if not password.reveal().isascii():
        return False
    change = f"ALTER ROLE postgres PASSWORD '{make_verifier(password.reveal())}'"
    silence = (
        "log_statement = 'none'",
        "log_min_duration_statement = -1",
        "log_min_error_statement = 'panic'",
    )
    words = [word for each in silence for word in ("-c", f"SET {each}")]
    psql = ("psql", "--username=postgres", "--dbname=postgres", "-wXq", "--set=ON_ERROR_STOP=1")
    code, _ = fleet.engine.execute(postgres.id, [*psql, *words, "-c", change])
    return code == 0

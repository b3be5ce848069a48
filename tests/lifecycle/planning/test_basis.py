"""What a plan was made from: what belongs to it, and what is said when it has changed."""

from typing import Any

import pytest
from lifecycle.examples import (
    DEMO,
    KEY,
    SETTINGS,
    container,
    credentials,
    running,
    spec_of,
    wanted,
    without,
)
from msgspec.structs import replace

from wb_cli.engine.types import ImageInfo, State
from wb_cli.errors import ExitCode
from wb_cli.lifecycle.planning.basis import (
    Agreed,
    Basis,
    OutdatedPlanError,
    describe_changes,
    find_basis,
)
from wb_cli.lifecycle.planning.desired import describe
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance

DESIRED = wanted()
NOW = running(DESIRED)


def basis(current: ObservedInstance = NOW, *, secrets: bool = True, **changes: Any) -> Basis:
    return find_basis(wanted(**changes), current, with_secrets=secrets)


def says(now: Basis) -> str:
    return "; ".join(describe_changes(basis(), now))


def test_nothing_is_said_where_nothing_has_changed() -> None:
    assert says(basis()) == ""


def test_a_changed_declaration_names_the_parts_that_it_concerns() -> None:
    assert says(basis(label="Mali")) == "declaration of platform has changed"


def test_a_part_that_is_declared_now_is_new() -> None:
    assert "declaration of admin is new" in says(basis(admin_version="2.0"))


def test_a_container_that_has_ended_is_named_with_its_states() -> None:
    ended = container(spec_of(DESIRED, "demo"), state=State.EXITED)
    assert (
        says(basis(running(DESIRED, ended))) == "container demo: running id-demo -> exited id-demo"
    )


def test_a_container_that_was_made_anew_is_another_one() -> None:
    anew = container(spec_of(DESIRED, "demo"), id="another")
    assert (
        says(basis(running(DESIRED, anew))) == "container demo: running id-demo -> running another"
    )


def test_a_container_that_was_removed_is_gone() -> None:
    assert says(basis(without(NOW, "demo-valkey"))) == "container demo-valkey is gone"


def test_an_image_that_was_pulled_anew_has_another_id() -> None:
    images = {**NOW.images, "postgres:17.4": ImageInfo("sha256:0123456789abcdef")}
    assert says(basis(replace(NOW, images=images))).endswith("-> 0123456789ab")


def test_another_network_is_told() -> None:
    assert says(basis(replace(NOW, networks=()))) == "network net-1 is gone"


def test_a_changed_password_counts_but_not_before_the_first_start() -> None:
    other = describe(DEMO, SETTINGS, credentials("x", "y", "z"), KEY)
    assert find_basis(other, NOW, with_secrets=True) != basis()
    assert find_basis(other, NOW, with_secrets=False) == basis(secrets=False)


def test_what_was_agreed_to_is_done_and_nothing_else() -> None:
    agreed = Agreed("demo", basis(), ("platform: image: stop demo",))
    agreed.refuse_other_basis(basis())
    agreed.refuse_other_steps(("platform: image: stop demo",))
    with pytest.raises(OutdatedPlanError, match="declaration of platform has changed") as refused:
        agreed.refuse_other_basis(basis(label="Mali"))
    assert refused.value.exit_code is ExitCode.DIFFERS
    with pytest.raises(OutdatedPlanError, match="other steps are needed now: valkey: stop"):
        agreed.refuse_other_steps(("valkey: stop",))
    with pytest.raises(OutdatedPlanError, match="fewer steps"):
        agreed.refuse_other_steps(())

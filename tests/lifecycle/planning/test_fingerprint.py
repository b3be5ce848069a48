"""Fingerprints of Specs, the description of their differences, and that no secret shows."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifecycle.examples import DEMO, KEY, SETTINGS, SUBNET, credentials, running
from msgspec.structs import replace

from wb_cli.contract import Part
from wb_cli.engine.types import ContainerSpec, Mount, Port
from wb_cli.lifecycle.planning.desired import describe
from wb_cli.lifecycle.planning.fingerprint import (
    describe_differences,
    digest,
    dump,
    fingerprint,
    parse,
)
from wb_cli.lifecycle.planning.observed_instance import ObservedInstance
from wb_cli.lifecycle.planning.reconcile import plan_restart, plan_run
from wb_cli.secret import Secret


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({}, {}, ""),
        ({"image": "app:1"}, {"image": "app:1"}, ""),
        ({"image": "app-v1.6.7"}, {"image": "app-v1.7.0"}, "image 1.6.7 -> 1.7.0"),
        ({"image": "app:1.6.7"}, {"image": "app:1.6.10"}, "image 1.6.7 -> 1.6.10"),
        ({"image": "a/app:1"}, {"image": "b/app:1"}, "image a/app:1 -> b/app:1"),
        ({"image": "app:latest"}, {"image": "app:later"}, "image latest -> later"),
        ({"image": "app"}, {"image": "app:1"}, "image app -> app:1"),
        ({}, {"DOMAIN": "x"}, "DOMAIN set to x"),
        ({"DOMAIN": "x"}, {}, "DOMAIN no longer set"),
        ({"KEY": "#1a"}, {"KEY": "#2b"}, "KEY changed"),
        ({}, {"KEY": "#2b"}, "KEY changed"),
        ({"KEY": "#1a"}, {}, "KEY changed"),
        ({"command": "a b"}, {"command": "a b --c d"}, "command with --c d"),
        ({"command": "a b --c d"}, {"command": "a b"}, "command without --c d"),
        ({"mounts": "/a:/b"}, {"mounts": "/a:/b, /c:/d"}, "mounts with /c:/d"),
        ({"memory": "1"}, {"memory": "12"}, "memory 1 -> 12"),
        (
            {"image": "a:1", "memory": "1", "DOMAIN": "x"},
            {"image": "a:2", "memory": "2", "DOMAIN": "y"},
            "image 1 -> 2, memory 1 -> 2, DOMAIN x -> y",
        ),
    ],
)
def test_differences_are_described(old: dict[str, str], new: dict[str, str], words: str) -> None:
    assert describe_differences(old, new) == words


FIELDS = st.dictionaries(st.text(min_size=1), st.text())


@settings(deadline=None)
@given(FIELDS)
def test_a_fingerprint_comes_back_from_its_label(fields: dict[str, str]) -> None:
    assert parse(dump(fields)) == fields


@settings(deadline=None)
@given(FIELDS, FIELDS)
def test_the_description_of_differences_is_empty_only_if_nothing_differs(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (describe_differences(one, other) == "") == (one == other)


@pytest.mark.parametrize("label", [None, "", "{", "[1]", '"text"'])
def test_a_damaged_label_has_no_fields(label: str | None) -> None:
    assert parse(label) == {}


def test_a_digest_depends_on_value_and_key() -> None:
    value = {"password": Secret("a"), "port": 1}
    assert digest(value, KEY) == digest({"port": 1, "password": Secret("a")}, KEY)
    assert digest(value, KEY) != digest(value | {"password": Secret("b")}, KEY)
    assert digest(value, KEY) != digest(value, b"another key")


# Secrets whose text cannot occur by chance in a digest, a path, a name or the code.
SECRET = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=40).map(
    "q~{}".format
)


@settings(deadline=None)
@given(passwords=st.tuples(SECRET, SECRET, SECRET), own=SECRET, key=SECRET)
def test_no_secret_appears_in_specs_plans_or_labels(
    passwords: tuple[str, str, str], own: str, key: str
) -> None:
    host = replace(SETTINGS, passed_on={"CLERK_SECRET_KEY": Secret(key)})
    instance = replace(DEMO, env={"OWN": own}, image="wb-platform:1")
    new = describe(instance, host, credentials(*passwords), KEY)
    old = describe(DEMO, SETTINGS, credentials(), KEY)
    plans = [
        plan_run(new, ObservedInstance(), SUBNET),
        plan_run(new, running(old), SUBNET),
        plan_restart(new, running(new), SUBNET),
    ]
    shown = [
        repr(instance),
        *(repr(spec) for spec in new.containers),
        *(str(dict(spec.labels)) for spec in new.containers),
        *(str(plan) for plan in plans),
        *(repr(plan) for plan in plans),
        *(json.dumps(plan.as_document()) for plan in plans),
    ]
    for secret in (*passwords, own, key):
        assert not [text for text in shown if secret in text]


# The fields that a fingerprint leaves out, and why a change of them needs no new container.
LEFT_OUT = {
    "instance": "it is part of the container's name",
    "part": "it is part of the container's name",
    "suffix": "it is part of the container's name",
    "labels": "they carry the fingerprint itself",
    "secret_files": "they count only when the container is created",
    "first_environment": "it counts only when the container is created",
}
OTHER_VALUES: dict[str, Any] = {
    "image": "other:1",
    "command": ("other",),
    "environment": {"OTHER": "value"},
    "mounts": (Mount("/other", "/other"),),
    "ports": (Port(1, 2),),
    "stop_timeout": 99,
    "memory": 99,
    "cpus": 9.9,
    "shm_size": 99,
    "log_max_size": 99,
    "log_max_files": 99,
    "auto_remove": True,
}


def test_each_field_of_a_spec_is_in_its_fingerprint_or_left_out_for_a_reason() -> None:
    """Otherwise `wb run` would not notice a change of the field."""
    assert set(ContainerSpec.__struct_fields__) == set(OTHER_VALUES) | set(LEFT_OUT)


@pytest.mark.parametrize("field", OTHER_VALUES)
def test_a_change_of_a_field_changes_the_fingerprint(field: str) -> None:
    spec = ContainerSpec("demo", Part.PLATFORM, "app:1")
    changed = replace(spec, **{field: OTHER_VALUES[field]})
    assert fingerprint(changed, KEY) != fingerprint(spec, KEY)

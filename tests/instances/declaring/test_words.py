"""The words of `wb config set` and `unset`: instances first, then fields."""

import pytest

from wb_cli.errors import UsageError
from wb_cli.instances.declaring.words import split_assignments, split_names
from wb_cli.instances.registry_file.registry import Registry, judge
from wb_cli.instances.registry_file.text import Entry


@pytest.fixture(scope="module")
def registry() -> Registry:
    """Instances of which two have the names of a field and of a setting; one entry is refused."""
    ids = ("mali", "memory", "domain")
    entries = [
        {"id": id_, "label": id_, "port": 9000 + at, "serverVersion": "1"}
        for at, id_ in enumerate(ids)
    ]
    return judge([Entry.of(entry) for entry in [*entries, {"id": "old"}]])


@pytest.mark.parametrize(
    ("words", "selectors", "assignments"),
    [
        ("mali port=1", "mali", "port=1"),
        ("on=here old host=ssh://far", "on=here old", "host=ssh://far"),
        ("@a=b server=1.6 all old port=1 tags+=x", "@a=b server=1.6 all old", "port=1 tags+=x"),
        ("memory memory=2g", "memory", "memory=2g"),
        ("domain label=x", "domain", "label=x"),
        ("mali port=1 label", "mali", "port=1 label"),
    ],
)
def test_selectors_end_at_the_first_assignment(
    registry: Registry, words: str, selectors: str, assignments: str
) -> None:
    split = split_assignments(words.split(), registry)
    assert split == (selectors.split(), assignments.split())


@pytest.mark.parametrize(
    ("words", "selectors", "names"),
    [
        ("mali port", "mali", "port"),
        ("on=here @a memory", "on=here @a", "memory"),
        ("@a mali all server=1 memory env.A", "@a mali all server=1", "memory env.A"),
        ("memory memory", "memory", "memory"),
        ("mali old port", "mali old", "port"),
        ("mali strange", "mali", "strange"),
        ("nobody port", "nobody", "port"),
    ],
)
def test_selectors_end_at_the_first_name(
    registry: Registry, words: str, selectors: str, names: str
) -> None:
    assert split_names(words.split(), registry) == (selectors.split(), names.split())


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("port=1", "no instance is named", "Instances come first"),
        ("mali", "no field is given a value", "field=value"),
        ("mali port label=x", '"port" is not field=value', "`port=<value>`"),
        ("mount_path /data", 'no instance "mount_path"', "mount_path is a setting"),
        ("mount_path=/data", 'no instance "mount_path"', "mount_path is a setting"),
    ],
)
def test_wrong_words_of_set(registry: Registry, words: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        split_assignments(words.split(), registry)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("port", "no instance is named"),
        ("env.A", "no instance is named"),
        ("mali", "no field is named"),
        ("mount_path", 'no instance "mount_path"'),
    ],
)
def test_wrong_words_of_unset(registry: Registry, words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        split_names(words.split(), registry)
    assert caught.value.hint

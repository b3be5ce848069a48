"""How many connections there may be: below the limit of descriptors, which is raised first."""

import resource

import pytest

from wb_cli.server.process.connections import RESERVE, cap_of


@pytest.mark.parametrize(
    ("descriptors", "setting", "cap"),
    [
        (20_000, 8192, 8192),
        (20_000, 100, 100),
        (1024, 8192, 1024 - 256 - RESERVE),
        (256, 8192, 256 - 128 - RESERVE),
        (40, 8192, 1),
    ],
)
def test_the_cap_lies_below_the_limit_of_descriptors(monkeypatch, descriptors, setting, cap):
    limits = (descriptors, descriptors)
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)

    assert cap_of(setting) == cap


def test_a_low_limit_is_raised_as_far_as_it_may_be(monkeypatch):
    given = []
    unlimited = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, unlimited))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: given.append(limits))

    assert cap_of(8192) == 8192
    assert given == [(8192 + 256 + RESERVE, unlimited)]

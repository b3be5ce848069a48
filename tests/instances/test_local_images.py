"""Recipes, chosen by their names."""

import pytest

from wb_cli.errors import UsageError
from wb_cli.instances.local_images import PLATFORM, POSTGRES, RESTIC, VALKEY, choose_recipes


def test_without_a_name_all_recipes_are_chosen() -> None:
    assert choose_recipes([]) == [POSTGRES, VALKEY, PLATFORM, RESTIC]


def test_named_recipes_come_in_the_order_of_the_table() -> None:
    assert choose_recipes(["platform", "postgres"]) == [POSTGRES, PLATFORM]


def test_an_unknown_name_gets_the_names_that_there_are() -> None:
    with pytest.raises(UsageError, match="there is no recipe 'postgre'") as caught:
        choose_recipes(["valkey", "postgre"])
    assert caught.value.hint == "There are postgres, valkey, platform, restic; all unless named."

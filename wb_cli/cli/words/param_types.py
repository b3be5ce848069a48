"""The types of options: lengths of time, counts and texts, with errors in plain words."""

from __future__ import annotations

import re
from typing import Any

import click
from click.core import ParameterSource

SECONDS_IN = {"": 1, "s": 1, "m": 60, "h": 3_600}
LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")


class Seconds(click.ParamType):
    """A length of time, in seconds or with a unit: ``90``, ``90s``, ``2m``, ``1h``."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the length in seconds."""
        if isinstance(value, int | float):
            return float(value)
        found = LENGTH.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is no length of time, such as 90, 90s, 2m or 1h.", param, ctx)
        return float(found[1]) * SECONDS_IN[found[2]]


class Size(click.ParamType):
    """A number of bytes, as the fields of an entry have it: ``512m``, ``2g``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number of bytes."""
        from wb_cli.instances.values import parse_size

        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(f"{value!r} must be {error}.", param, ctx)


class Count(click.ParamType):
    """A whole number within limits. ``most`` may be left out."""

    name = "n"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most
        self._limits = f"from {least} on" if most is None else f"from {least} to {most}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number."""
        text = str(value).strip()
        is_number = re.fullmatch(r"\d+", text) is not None
        if not is_number or not self._least <= int(text) <= (self._most or int(text)):
            self.fail(f"{value!r} is no whole number {self._limits}.", param, ctx)
        return int(text)


class Filled(click.ParamType):
    """A text that is not empty. An empty one comes from a variable of a script that has no value.

    It would choose what an option chooses that is left out, such as the newest backup.
    """

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse an empty text that was given. The option's own default may be empty."""
        is_default = (
            param is not None
            and param.name is not None
            and ctx is not None
            and ctx.get_parameter_source(param.name) is ParameterSource.DEFAULT
        )
        if not str(value).strip() and not is_default:
            self.fail("it is empty. Give a value, or leave the option out.", param, ctx)
        return str(value)

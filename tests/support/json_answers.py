"""What `--json` answers, held against the published schemas."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from wb_cli.cli.commands.schema import read_schema


def validator(command: str) -> Draft202012Validator:
    """What tells whether a document is an answer of that command."""
    return Draft202012Validator(json.loads(read_schema(command)))


def check(command: str, answer: str) -> Any:
    """The answer of a command, which is one document and as published."""
    document = json.loads(answer)
    is_error = isinstance(document, dict) and "error" in document
    validator("error" if is_error else command).validate(document)
    return document

"""The official schema of bills of materials, and its validator."""

import json
from collections.abc import Mapping
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def find_fault(bill: Mapping[str, Any]) -> str:
    """Say why a document is no bill by the schema of CycloneDX 1.6; "" if it is one."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))
    return str(fault or "")

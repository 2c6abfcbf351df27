"""Hold JSON documents to the schema that the documentation publishes."""

from __future__ import annotations

import functools
import json
from typing import Any, Final

import jsonschema

from tests.support.environments import ROOT

SCHEMA: Final = ROOT / "docs" / "reference" / "report.schema.json"


@functools.cache
def validator() -> jsonschema.Draft202012Validator:
    """Return what validates documents; beyond the schema itself, it takes no key that the schema does not describe."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for part in schema["$defs"].values():
        part["additionalProperties"] = False
    return jsonschema.Draft202012Validator({"$defs": schema["$defs"], "$ref": "#/$defs/document"})


def validated(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document, or raise AssertionError where it is not what the documentation says."""
    wrong = [f"{error.json_path}: {error.message}" for error in validator().iter_errors(document)]
    assert not wrong, f"{SCHEMA.name} does not describe this: {wrong}"
    return document

"""The schema of a custom resource, from the definition that its operator publishes, as strict as the API server may be.

    CustomResourceDefinition --schema_of--> JSON Schema, where a field that is not described is an error

The API server drops such a field without a word unless it is asked to be strict, so that a mistyped `authOptions`
starts a cluster without a token. What a definition says in CEL (x-kubernetes-validations) is not evaluated here:
KubeRay has such rules for `managedBy` and `deletionStrategy`, which no manifest of ours has.
"""

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match


def schema_of(definition: Path, version: str) -> dict[str, Any]:
    """Of one version of a resource."""
    content = yaml.load(definition.read_text(), Loader=yaml.CSafeLoader)
    served = next(each for each in content["spec"]["versions"] if each["name"] == version)
    return _strict(served["schema"]["openAPIV3Schema"])


def fault_of(schema: dict[str, Any], document: dict[str, Any]) -> str | None:
    """What is wrong with a document, where it is; None for one that is right."""
    error = best_match(Draft202012Validator(schema).iter_errors(document))
    return None if error is None else f"{'.'.join(map(str, error.absolute_path)) or 'document'}: {error.message[:300]}"


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items()}
    described = isinstance(node.get("properties"), dict) and node.get("type") == "object"
    if described and "additionalProperties" not in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    return made

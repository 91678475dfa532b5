"""The three cluster files as they are and as somebody has filled them in.

aws.yaml, with marks --each mark away, own values in the place of examples--> a file that Ray takes
"""

import re
from pathlib import Path
from typing import Any

import yaml

NAMES = ("aws.yaml", "gcp.yaml", "onprem.yaml")
MARK = "@FILL-IN "


def shipped(repository: Path, name: str) -> str:
    """The file of the project."""
    return (repository / "cluster" / name).read_text()


def filled(text: str, values: dict[str, str] | None = None) -> str:
    """Every mark away, and `values` in the place of the examples behind them."""
    for example, value in (values or {}).items():
        assert example in text, f"no {example!r} to fill in"
        text = text.replace(example, value)
    return text.replace(MARK, "")


def but_one_filled(text: str) -> list[tuple[int, str]]:
    """For each mark its line, and the text in which it alone is left."""
    found = [match.start() for match in re.finditer(re.escape(MARK), text)]
    return [
        (text.count("\n", 0, start) + 1, filled(text[:start]) + MARK + filled(text[start + len(MARK) :]))
        for start in found
    ]


def config_of(text: str) -> dict[str, Any]:
    """As Ray reads it."""
    return yaml.safe_load(filled(text))

"""Designs as values, for tests of what is made of them."""

from collections.abc import Callable
from typing import Any

import pytest

from rcflab.design.factor import Design
from rcflab.design.read import read_design


@pytest.fixture(scope="session")
def design_of() -> Callable[..., Design]:
    """Fields of an experiment, which must be right -> their design."""

    def read(**fields: Any) -> Design:
        design, faults = read_design(fields)
        assert design is not None, faults
        return design

    return read

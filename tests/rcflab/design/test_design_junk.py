"""Whatever stands in the fields of a design, the answer is an experiment or an InputError."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rcflab.errors import InputError
from rcflab.load import load_experiment

_WORDS = st.sampled_from(
    [
        "model.slope",
        "model.memory",
        "slope",
        "memory",
        "a*b",
        "slope*memory",
        "-slope*memory",
        "factorial",
        "",
        "x.",
        "=",
    ]
)
_SCALARS = st.one_of(_WORDS, st.integers(-1, 2), st.booleans(), st.none(), st.floats(allow_nan=False))
_JUNK = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_WORDS, inner, max_size=3)),
    max_leaves=8,
)
_KINDS = st.sampled_from(["factorial", "fractional", "one_at_a_time", "leave_one_out"])
_FACTORS = st.dictionaries(_WORDS, st.one_of(st.just([0, 1]), st.just([1.0, 2.0, 3.0]), _JUNK), max_size=4)


@given(
    factors=st.one_of(_FACTORS, _JUNK),
    design=st.one_of(_KINDS, _JUNK),
    when=st.one_of(st.none(), _JUNK),
    generators=st.one_of(st.none(), st.just({"memory": "slope*memory"}), _JUNK),
    more=st.dictionaries(st.sampled_from(["baseline", "seeds", "most_cells", "table", "arms"]), _JUNK, max_size=2),
)
def test_junk_is_refused_and_never_crashes(factors: Any, design: Any, when: Any, generators: Any, more: Any) -> None:
    fields = {"name": "t", "task": "toy", "factors": factors, "design": design, "when": when, "generators": generators}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "experiment.yaml"
        path.write_text(_yaml({**fields, **more}))
        try:
            loaded = load_experiment(path)
        except InputError as error:
            assert error.problems
            return
    assert loaded.configs.keys() == loaded.spec.arms.keys()
    assert loaded.spec.baseline in loaded.configs


def _yaml(value: Any) -> str:
    """JSON is YAML, but for the numbers that JSON has not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value)
    )

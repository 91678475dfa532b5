"""Files, functions and nesting stay small enough to be read at once; each rule is shown to be able to fail."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES, NESTING = 300, 400, 70, 3
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NESTING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def long_functions(tree: ast.Module, limit: int) -> list[str]:
    """Functions with more lines than `limit`, decorators left out, nested functions counted in."""
    spans = [
        (node, (node.end_lineno or 0) - node.lineno + 1) for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)
    ]
    return [f"{node.lineno} {node.name}: {lines} lines" for node, lines in spans if lines > limit]


def _inner(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Children, each with whether it stands one level deeper: an `elif` does not, though it is an If within an If."""
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child.col_offset == node.col_offset
        yield child, isinstance(child, _NESTING) and not is_elif


def deepest(node: ast.AST, depth: int = 0) -> tuple[int, int]:
    """Greatest depth of blocks below `node` and its line; a nested function starts again at zero."""
    found = (depth, getattr(node, "lineno", 0))
    for child, deeper in _inner(node):
        if not isinstance(child, _FUNCTIONS):
            found = max(found, deepest(child, depth + deeper), key=lambda pair: pair[0])
    return found


def deep_functions(tree: ast.Module, limit: int) -> list[str]:
    """Functions whose blocks are nested deeper than `limit`."""
    depths = [(node, *deepest(node)) for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    return [f"{line} in {node.name}: {depth} levels" for node, depth, line in depths if depth > limit]


def _nested(levels: int) -> str:
    return (
        "def f():\n" + "".join(f"{'    ' * (i + 1)}if f:\n" for i in range(levels)) + "    " * (levels + 1) + "pass\n"
    )


def test_no_source_file_is_too_long(repository: Path, files_below: Callable[..., list[Path]]) -> None:
    counts = {
        path: len(path.read_text().splitlines()) for path in files_below("rcf", "platform", "cluster", "benchmarks")
    }
    assert {str(path.relative_to(repository)): lines for path, lines in counts.items() if lines > FILE_LINES} == {}


def test_no_test_file_is_too_long(repository: Path, files_below: Callable[..., list[Path]]) -> None:
    counts = {path: len(path.read_text().splitlines()) for path in files_below("tests")}
    assert {str(path.relative_to(repository)): lines for path, lines in counts.items() if lines > TEST_FILE_LINES} == {}


def test_no_function_is_too_long(everything: dict[str, ast.Module]) -> None:
    assert [
        f"{name}:{fault}" for name, tree in everything.items() for fault in long_functions(tree, FUNCTION_LINES)
    ] == []


def test_no_function_is_nested_too_deep(everything: dict[str, ast.Module]) -> None:
    assert [f"{name}:{fault}" for name, tree in everything.items() for fault in deep_functions(tree, NESTING)] == []


def test_every_module_of_the_packages_opens_with_a_docstring(packages: dict[str, ast.Module]) -> None:
    assert [name for name, tree in packages.items() if not ast.get_docstring(tree)] == []


def test_the_packages_were_found(packages: dict[str, ast.Module]) -> None:
    assert {"rcf/config/model.py", "platform/rcflab/records.py"} <= set(packages)


def test_a_function_over_the_limit_is_reported() -> None:
    tree = ast.parse("def f():\n" + "    x = 1\n" * FUNCTION_LINES)
    assert long_functions(tree, FUNCTION_LINES) == [f"1 f: {FUNCTION_LINES + 1} lines"]


def test_a_function_at_the_limit_is_not_reported() -> None:
    assert long_functions(ast.parse("def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)), FUNCTION_LINES) == []


def test_a_block_four_deep_is_reported() -> None:
    assert [fault.endswith("4 levels") for fault in deep_functions(ast.parse(_nested(4)), NESTING)] == [True]


def test_a_block_three_deep_is_not_reported() -> None:
    assert deep_functions(ast.parse(_nested(3)), NESTING) == []


def test_elif_counts_as_one_level_but_an_if_in_an_else_as_two() -> None:
    chain = "def f(x):\n    if x:\n        pass\n    elif x > 1:\n        pass\n    elif x > 2:\n        pass\n"
    inner = "def f(x):\n    if x:\n        pass\n    else:\n        if x > 1:\n            pass\n"
    assert [deepest(ast.parse(source).body[0])[0] for source in (chain, inner)] == [1, 2]

"""Calls that would turn data into code, or hide output from the one who asked, occur nowhere in the packages."""

import ast
from pathlib import PurePosixPath

import pytest

_UNPICKLERS = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}
_FORBIDDEN_CALLS = {
    "eval": "runs data as code",
    "exec": "runs data as code",
    "yaml.load": "builds arbitrary objects",
    "yaml.unsafe_load": "builds arbitrary objects",
    "yaml.full_load": "builds arbitrary objects",
    "os.system": "goes through a shell",
    "os.popen": "goes through a shell",
}


def _keyword(call: ast.Call, name: str) -> object:
    """The constant given for a keyword, or None."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def _fault_of_call(call: ast.Call, may_print: bool) -> str | None:
    name = ast.unparse(call.func)
    if name in _FORBIDDEN_CALLS:
        return f"{name} {_FORBIDDEN_CALLS[name]}"
    if name == "torch.load" and _keyword(call, "weights_only") is not True:
        return "torch.load without weights_only=True unpickles"
    if _keyword(call, "allow_pickle") is True:
        return f"{name} with allow_pickle unpickles"
    if _keyword(call, "shell") is True:
        return f"{name} goes through a shell"
    if name == "YAML" and _keyword(call, "typ") == "unsafe":
        return "YAML(typ='unsafe') builds arbitrary objects"
    if name == "print" and not may_print:
        return "print outside the command line: return a value or log"
    return None


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0], *(alias.name for alias in node.names)}
    return set()


def unsafe(tree: ast.Module, may_print: bool = False) -> list[str]:
    """What a module must not do, each with its line."""
    found: list[str] = []
    for node in ast.walk(tree):
        found += [f"{node.lineno} imports {name}" for name in sorted(_imported(node) & _UNPICKLERS)]
        fault = _fault_of_call(node, may_print) if isinstance(node, ast.Call) else None
        found += [f"{node.lineno} {fault}"] if fault else []
    return found


def _is_command_line(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name == "cli.py" or "commands" in path.parts


def test_the_packages_do_nothing_unsafe(packages: dict[str, ast.Module]) -> None:
    found = {name: unsafe(tree, may_print=_is_command_line(name)) for name, tree in packages.items()}
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from cloudpickle import loads",
        "from ray import cloudpickle",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "numpy.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "YAML(typ='unsafe')",
        "eval('1')",
        "exec(text)",
        "subprocess.run('ls', shell=True)",
        "os.system('ls')",
        "print('here')",
    ],
)
def test_an_unsafe_line_is_reported(source: str) -> None:
    assert len(unsafe(ast.parse(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "network.eval()",
        "torch.load(path, weights_only=True)",
        "numpy.load(path, allow_pickle=False)",
        "YAML(typ='safe').load(text)",
        "subprocess.run(['ls'], check=True)",
        "console.print('here')",
    ],
)
def test_a_safe_line_is_not_reported(source: str) -> None:
    assert unsafe(ast.parse(source)) == []

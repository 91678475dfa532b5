"""`rcflab init`: a file that runs as it is, says what every field means, and replaces nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field
from typer.testing import CliRunner

from rcflab.cli import app
from rcflab.differences import leaves
from rcflab.field_docs import allowed, docs_of
from rcflab.load import load_experiment
from rcflab.schema import EXPERIMENTS, Config
from rcflab.yaml_file import parse_value

Write = Callable[..., Path]
RUNNER = CliRunner()
TASKS = ("rcf", "toy")
ENVELOPE = "name: t\ntask: {task}\nbaseline: a\narms: {{a: {{}}}}\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str) -> str:
    """What the command writes."""
    done = RUNNER.invoke(app, ["init", *arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def refused(*arguments: str) -> str:
    """What it says of bad input."""
    done = RUNNER.invoke(app, ["init", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def reference_of(text: str) -> str:
    """The lines of the reference as YAML: without the words, and without the signs of a comment."""
    lines = text[text.index("# -----") :].splitlines()[4:]
    return "\n".join(line[2:] for line in lines if line.startswith("# "))


@pytest.mark.parametrize("task", TASKS)
def test_what_it_writes_passes_check(task: str) -> None:
    assert init("my-first", "--task", task).startswith("wrote my-first.yaml\n")
    done = RUNNER.invoke(app, ["check", "my-first.yaml"])
    assert (done.exit_code, done.stderr) == (0, "")


def test_it_opens_as_a_lab_note_with_the_command_that_runs_it() -> None:
    init("my-first", "--task", "toy")
    lines = Path("my-first.yaml").read_text().splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["Question:", "Run:", "Cost:", "Expect:"]
    assert "rcflab run my-first.yaml" in lines[1]


def test_a_path_may_be_given_and_the_name_comes_from_it() -> None:
    Path("of mine").mkdir()
    init("of mine/Learning_Rate.yaml", "--task", "toy")
    assert load_experiment(Path("of mine/Learning_Rate.yaml")).spec.name == "learning-rate"


@pytest.mark.parametrize("task", TASKS)
def test_the_lines_for_factors_make_the_arms_when_they_are_taken(task: str) -> None:
    init("my-first", "--task", task)
    lines = Path("my-first.yaml").read_text().partition("# -----")[0].splitlines()
    start, end = lines.index("arms:"), next(n for n, line in enumerate(lines) if line.startswith("seeds:"))
    taken = [
        line.removeprefix("# ") if line.startswith(("# design:", "# factors: {")) else line
        for number, line in enumerate(lines)
        if not (start <= number < end or line.startswith("baseline:"))
    ]
    Path("designed.yaml").write_text("\n".join(taken))
    assert len(load_experiment(Path("designed.yaml")).spec.arms) == 4


@pytest.mark.parametrize("task", TASKS)
def test_the_reference_names_every_field_with_its_default(task: str) -> None:
    init("my-first", "--task", task)
    text = reference_of(Path("my-first.yaml").read_text())
    Path("reference.yaml").write_text(ENVELOPE.format(task=task) + text)
    Path("plain.yaml").write_text(ENVELOPE.format(task=task))
    written, plain = load_experiment(Path("reference.yaml")), load_experiment(Path("plain.yaml"))
    assert written.configs == plain.configs
    assert written.spec == plain.spec
    named = {path for path, _ in leaves(parse_value(text, "reference", Path()))}
    every = {path for path, _ in leaves(plain.spec.model_dump(mode="json", exclude={"arms"}))}
    assert every - named == {"name", "task", "baseline", "seeds"}
    assert named <= every


@pytest.mark.parametrize("task", TASKS)
def test_every_word_that_the_schema_says_of_a_field_is_in_the_file(task: str) -> None:
    init("my-first", "--task", task)
    words = [line.lstrip("#: ") for line in Path("my-first.yaml").read_text().splitlines() if line.startswith("#:")]
    text = " ".join(words)
    docs = docs_of(EXPERIMENTS[task])
    assert len(docs) >= 8
    for name, doc in docs.items():
        assert doc in text or name in ("name", "baseline", "arms", "seeds"), name


def test_kinds_of_data_other_than_the_default_are_said_with_what_they_need() -> None:
    init("my-first")
    text = Path("my-first.yaml").read_text()
    assert '#:     kind: "ytvis"\n#:     root: (needed)' in text


def test_the_network_it_starts_with_is_that_of_the_quick_start(repository: Path) -> None:
    init("my-first")
    mine, quick = (
        load_experiment(path) for path in (Path("my-first.yaml"), repository / "experiments/quickstart.yaml")
    )
    assert mine.configs == quick.configs


def test_no_file_is_written_over() -> None:
    Path("mine.yaml").write_text("precious")
    assert "mine.yaml: got a file that is there already, expected a new file" in refused("mine")
    assert Path("mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere/mine",), "got no folder nowhere"),
        (("___",), "expected a name with letters or digits"),
        (("mine", "--from", "nothing.yaml"), "nothing.yaml"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(*arguments)
    assert list(Path().iterdir()) == []


def test_another_experiment_is_taken_over_with_its_comments_under_a_new_name(experiment: Write) -> None:
    experiment("training: {steps: 7}\ntask: toy\n", "sub/base/slow.yaml")
    note, rest = "# Question: old\n\n", "baseline: a\narms:\n  a: {}  # plain\n"
    old = experiment(f"{note}name: old  # first\nextends: base/slow.yaml  # slow\n{rest}", "sub/old.yaml")
    Path("new").mkdir()
    init("new/mine.yaml", "--from", str(old))
    text = Path("new/mine.yaml").read_text()
    assert "Question: old" not in text
    assert "\nname: mine\nextends: ../sub/base/slow.yaml  # slow\n" in text
    assert "  a: {}  # plain\n" in text
    loaded = load_experiment(Path("new/mine.yaml"))
    assert loaded.spec.name == "mine"
    assert loaded.configs == load_experiment(old).configs


def test_every_experiment_of_the_project_can_be_taken_over(repository: Path) -> None:
    for number, path in enumerate(sorted((repository / "experiments").glob("*.yaml"))):
        init(f"copy-{number}", "--from", str(path))


def test_a_base_is_no_experiment(experiment: Write) -> None:
    base = experiment("task: toy\ntraining: {steps: 7}\n", "base.yaml")
    assert "got no field name, expected an experiment, not a base" in refused("mine", "--from", str(base))


def test_paths_that_would_mean_another_place_are_refused(experiment: Write) -> None:
    old = experiment("name: o\nbaseline: a\narms: {a: {}}\ndata: {kind: ytvis, root: videos}\n", "sub/old.yaml")
    assert "got an experiment with paths relative to" in refused("mine", "--from", str(old))
    assert not Path("mine.yaml").exists()
    init("sub/mine.yaml", "--from", str(old))


def test_a_task_beside_another_experiment_is_refused(experiment: Write) -> None:
    assert "got --task beside --from" in refused("mine", "--task", "toy", "--from", str(experiment()))


class _Part(Config):
    """A part."""

    few: Literal["a", "b"] | None = None
    """Two lines
    of words."""
    one: Literal["only"] = "only"
    share: float = Field(default=0.5, gt=0, le=1)
    count: int = Field(default=1, ge=1)
    free: str = ""


@pytest.mark.parametrize(
    ("field", "said"),
    [("few", 'one of "a", "b"'), ("one", ""), ("share", "above 0 to 1"), ("count", "at least 1"), ("free", "")],
)
def test_allowed_values_are_those_of_the_annotation(field: str, said: str) -> None:
    assert allowed(_Part.model_fields[field]) == said


def test_words_of_a_field_come_from_its_docstring_as_one_line() -> None:
    assert docs_of(_Part) == {"few": "Two lines of words."}

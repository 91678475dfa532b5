"""The text of a new experiment: a lab note, a file that runs as it is, and every field behind it.

task --starters/TASK.yaml--> header + body + reference
another experiment's text --its name and extends replaced--> header + body + reference

Pure of files, but for the texts that come with the package.
"""

import re
from pathlib import Path

from rcflab.field_reference import reference_lines

_HEADER = """\
# Question: what should this experiment answer? One sentence.
# Run:      rcflab run FILE
# Cost:     arms x seeds, minutes (`rcflab plan FILE` estimates the rest from the cells that are done)
# Expect:   which arm wins, by how much, and why. Written before the run; what came out goes into your log.
#
# `rcflab check FILE` names every fault of this file at once.
"""
_REFERENCE = """\

# ---------------------------------------------------------------------------------------------------------------------
# Every other field, with its default, as the schema has it. To change one, write it above, in its section if that is
# there already. Lines with `#:` say what a field means. Remove from here on what you do not want to see.
"""
_HINT = "#? "
"""Lines of a starter that are meant to be taken: apart from comments, so that a test can take them."""


def starter(task: str, name: str, file: str) -> str:
    """A new experiment of `task`, called `name`, that will lie at `file`."""
    body = (Path(__file__).parent / "starters" / f"{task}.yaml").read_text(encoding="utf-8")
    body = body.replace("name: NAME\n", f"name: {name}\n").replace(_HINT, "# ")
    return _whole(body, task, file)


def adapted(source: str, task: str, name: str, file: str, extends: str | None) -> str | None:
    """The experiment in the text `source` under another name, with `extends` in the place of what it extends.

    Its comments stay, but for the lab note at its head. None where `source` has no line `name: ...` of its own.
    """
    lines = source.splitlines(keepends=True)
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        lines.pop(0)
    body, count = re.subn(r"(?m)^name:.*$", f"name: {name}", "".join(lines), count=1)
    if extends is not None:
        body = re.sub(r"(?m)^extends:[^#\n]*", lambda found: f"extends: {extends}{_gap(found[0])}", body, count=1)
    return _whole(body.rstrip() + "\n", task, file) if count else None


def _gap(text: str) -> str:
    """White space at the end of `text`."""
    return text[len(text.rstrip()) :]


def _whole(body: str, task: str, file: str) -> str:
    reference = "\n".join(line.rstrip() for line in reference_lines(task))
    return f"{_HEADER.replace('FILE', file)}{body}{_REFERENCE}{reference}\n"

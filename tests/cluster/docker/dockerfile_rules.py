"""What a Dockerfile of ours may not do, beside what hadolint says: a pure function of its text.

text --instructions--> (line, word, arguments) --faults--> sentences, none for a file that is as it should be
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SECRET = re.compile(r"(?i)password|passwd|token|secret|api_?key|access_?key|credential|private_?key")
_FETCH = re.compile(r"\b(curl|wget)\b|git\s+clone|https?://")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of a file, its continued lines joined."""

    line: int
    word: str
    arguments: str


def instructions(text: str) -> list[Instruction]:
    """In their order, comments left out."""
    found: list[Instruction] = []
    begun: tuple[int, str] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        if raw.lstrip().startswith("#") or (begun is None and not raw.strip()):
            continue
        first, joined = begun or (number, "")
        joined += raw.rstrip().removesuffix("\\")
        begun = (first, joined) if raw.rstrip().endswith("\\") else None
        if begun is None:
            word, _, arguments = joined.strip().partition(" ")
            found.append(Instruction(first, word.upper(), arguments.strip()))
    return found


def stages(text: str) -> dict[str, list[Instruction]]:
    """The instructions of each stage, by its name; a stage without one has its number."""
    found: dict[str, list[Instruction]] = {}
    name = ""
    for each in instructions(text):
        if each.word == "FROM":
            name = each.arguments.rpartition(" AS ")[2] if " AS " in each.arguments else str(len(found))
            found[name] = []
        if name:
            found[name].append(each)
    return found


def faults(text: str, targets: tuple[str, ...]) -> list[str]:
    """All of them; `targets` are the stages that become images."""
    found = [f"line {each.line}: {fault}" for each in instructions(text) for fault in _of_one(each)]
    known = stages(text)
    for name, content in known.items():
        base = content[0].arguments.split()[0]
        if base not in known and not re.fullmatch(r"\$\{[A-Z_]+\}|\S+@sha256:[0-9a-f]{64}", base):
            found.append(f"line {content[0].line}: {name} begins with {base}, which is neither a digest nor a variable")
    for target in targets:
        users = [each.arguments for each in known.get(target, []) if each.word == "USER"]
        if not users or re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1]) is None:
            found.append(f"{target}: runs as {users[-1] if users else 'root'}, not as a number of its own")
    if re.search(r"(?m)^# *syntax=", text):
        found.append("line 1: fetches a front end by a tag")
    return found


def _of_one(each: Instruction) -> Iterator[str]:
    if each.word == "ADD":
        yield "ADD, which fetches and unpacks; COPY does neither"
    if each.word in ("ENV", "ARG", "LABEL"):
        yield from _of_variables(each)
    if each.word == "RUN":
        if fetched := _FETCH.search(each.arguments):
            yield f"RUN fetches from the network by itself: {fetched[0]}"
        if re.search(r"\bsudo\b|chmod\s+(-R\s+)?0?777", each.arguments):
            yield "RUN gives rights away"
    if each.word == "FROM" and re.search(r":latest\b", each.arguments):
        yield "FROM latest"
    if each.word == "COPY" and re.search(r"(?<!\S)(\.|\./|/)\s", each.arguments) and "--from=" not in each.arguments:
        yield "COPY of everything that lies around"


def _of_variables(each: Instruction) -> Iterator[str]:
    if each.word == "ARG" and re.match(r"\w*IMAGE=", each.arguments):
        yield "ARG has a default for an image, which grows old"
    without_values = re.sub(r"=(\"[^\"]*\"|\S+)", "=", each.arguments)
    for name in re.findall(r"([A-Za-z_][A-Za-z0-9_]*)(?==|$|\s)", without_values):
        if _SECRET.search(name):
            yield f"{each.word} {name}, which everybody who has the image can read"

"""One page that tells all of an experiment: what a reader needs to believe the table, or to doubt it.

PageFacts (table, plan, ledger, pictures) --experiment_page--> ExperimentPage: verdicts, grids, figures, overlays
ExperimentPage ... --render_page--> one HTML document that asks nobody for anything

Equal bytes for equal facts: no date in it but those of the ledger. Pure.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rcflab.ablation import AblationTable
from rcflab.differences import differing_fields
from rcflab.identity import Fingerprints
from rcflab.ledger.fold import KeyState
from rcflab.records import Cell, CellState, Json, RunPlan
from rcflab.report.html import Grid, GridCell, GridRow, HtmlTable, Kind, html_table, render_template
from rcflab.report.rows import table_rows
from rcflab.report.statistics import Part, statistics_parts
from rcflab.report.titles import FAMILIES

_SIGN = re.compile(r"(?<!\w)-(?=\d)")
"""A hyphen in front of a digit, unless it is part of a name."""
_PARTS = {"svg": "image/svg+xml", "png": "image/png", "jpeg": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture inside the page."""

    title: str
    content: bytes
    form: str
    """svg, png or jpeg."""

    @property
    def source(self) -> str:
        """The picture itself as an address."""
        return f"data:{_PARTS[self.form]};base64,{b64encode(self.content).decode()}"


@dataclass(frozen=True, slots=True)
class Overlays:
    """Pictures of the evaluation, the same for several arms."""

    arms: tuple[str, ...]
    rows: tuple[tuple[str, tuple[PagePicture | None, ...]], ...]
    """(name of the file, one picture for each of `arms`)."""
    left_out: int
    """Pictures that are in the store and not in the page."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """All that a page is made from."""

    plan: RunPlan
    keys: Mapping[str, KeyState]
    states: Mapping[str, CellState]
    fingerprints: Mapping[str, Fingerprints]
    table: AblationTable | None
    faults: tuple[str, ...] = ()
    """Why there is no table."""
    note: str = ""
    """The lab note at the head of the file."""
    figures: tuple[PagePicture, ...] = ()
    overlays: Overlays | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """A table that answers what a reader asks next."""

    title: str
    grid: Grid
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """One experiment as a reader sees it."""

    name: str
    note: str
    summary: str
    faults: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    table: HtmlTable | None
    details: tuple[Detail, ...]
    figures: tuple[PagePicture, ...]
    overlays: Overlays | None
    differences: Grid
    cells: Grid
    made_by: Grid
    data: Grid


def render_page(pages: Sequence[ExperimentPage]) -> str:
    """One document; ends in a newline."""
    title = ", ".join(page.name for page in pages)
    return render_template(
        "page.html.j2", {"pages": pages, "title": title, "families": FAMILIES if len(pages) > 1 else ""}
    )


def experiment_page(facts: PageFacts) -> ExperimentPage:
    """What the page says of one experiment."""
    found = None if facts.table is None else facts.table.comparisons
    rows = None if facts.table is None else table_rows(facts.table)
    label = "" if found is None else f"Δ {found.metric.label} "
    compared = () if rows is None else rows.compared
    verdicts = tuple((each.arm, f"{label}{each.difference}: {each.verdict}") for each in compared)
    return ExperimentPage(
        facts.plan.experiment,
        facts.note,
        _summary(facts),
        facts.faults,
        verdicts,
        None if rows is None else html_table(rows),
        () if facts.table is None else tuple(map(_detail, statistics_parts(facts.table))),
        facts.figures,
        facts.overlays,
        _differences(facts.plan),
        _cells(facts),
        _made_by(facts.keys),
        _data(facts.fingerprints),
    )


def _detail(part: Part) -> Detail:
    kinds: list[Kind] = ["name" if place < part.words else "number" for place in range(len(part.head))]
    # Names are left as they are.
    texts = [(*row[: part.words], *(_SIGN.sub("\u2212", text) for text in row[part.words :])) for row in part.rows]
    rows = [_row(*zip(kinds, text, strict=True)) for text in texts]
    return Detail(part.title, Grid(_head(*zip(kinds, part.head, strict=True)), tuple(rows)), part.notes)


def _summary(facts: PageFacts) -> str:
    arms = {cell.arm for cell in facts.plan.cells}
    seeds = {cell.seed for cell in facts.plan.cells}
    states = [facts.states[cell.eval_key] for cell in facts.plan.cells]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    arms_words = "1 arm" if len(arms) == 1 else f"{len(arms)} arms"
    seeds_words = "1 seed" if len(seeds) == 1 else f"{len(seeds)} seeds"
    return f"{arms_words}, {seeds_words}. Baseline: {facts.plan.baseline}. Cells: {counts}."


def _differences(plan: RunPlan) -> Grid:
    """Every field in which an arm is not the baseline, also those without effect."""
    configs = {cell.arm: cell.config for cell in plan.cells}
    rows: list[GridRow] = []
    for arm, config in configs.items():
        if arm == plan.baseline or plan.baseline not in configs:
            continue
        for field in differing_fields(configs[plan.baseline], config):
            before, after = (_shown(side) for side in field.sides)
            rows.append(_row(("name", arm), ("words", field.path), ("words", before), ("words", after)))
    return Grid(_head(("name", "arm"), ("words", "field"), ("words", "baseline"), ("words", "here")), tuple(rows))


def _shown(side: tuple[Json, ...]) -> str:
    return str(side[0]) if side else "(no such field)"


def _cells(facts: PageFacts) -> Grid:
    head = _head(
        ("name", "arm"), ("number", "seed"), ("words", "state"), ("number", "step"), ("number", "attempts"),
        ("key", "training"), ("key", "trial"), ("key", "checkpoint"),
    )  # fmt: skip
    return Grid(
        head, tuple(_cell(cell, facts.keys[cell.train_key], facts.states[cell.eval_key]) for cell in facts.plan.cells)
    )


def _cell(cell: Cell, key: KeyState, state: CellState) -> GridRow:
    said = f"{state}: {key.reason}" if state == "failed" and key.reason else state
    kept = key.checkpoint
    step = max(key.step, kept.step if kept else 0)
    return _row(
        ("name", cell.arm), ("number", str(cell.seed)), ("words" if state == "done" else "bad", said),
        ("number", str(step)), ("number", str(key.attempts)), ("key", cell.train_key), ("key", cell.eval_key),
        ("key", kept.sha256[:12] if kept else "–"),
    )  # fmt: skip


def _made_by(keys: Mapping[str, KeyState]) -> Grid:
    """Code, machine and versions, each combination once with the trainings that it made."""
    groups: dict[tuple[str, str, str, str, str], list[str]] = {}
    for name, key in keys.items():
        if key.provenance:
            groups.setdefault(_maker(key.provenance), []).append(name)
    rows = [
        _row(
            ("key", code), ("key", commit), ("words", machine), ("words", versions), ("number", workers),
            ("words", ", ".join(names)),
        )
        for (code, commit, machine, versions, workers), names in groups.items()
    ]  # fmt: skip
    head = _head(
        ("key", "code"), ("key", "commit"), ("words", "machine"), ("words", "versions"), ("number", "workers"),
        ("words", "trainings"),
    )  # fmt: skip
    return Grid(head, tuple(rows))


def _maker(made: Mapping[str, Json]) -> tuple[str, str, str, str, str]:
    """Code, commit, machine, versions, workers."""
    packages: Mapping[str, str] = made.get("packages") or {}
    commit = str(made.get("git_commit") or "–")[:12] + (" with changes" if made.get("git_dirty") else "")
    machine = ", ".join(str(part) for part in (made.get("host"), made.get("processor")) if part)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))
    return str(made.get("code_digest", "–"))[:12], commit, machine, versions, str(made.get("workers", 1))


def _data(prints: Mapping[str, Fingerprints]) -> Grid:
    """Digests of data and starting weights, each combination once."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for arm, found in prints.items():
        groups.setdefault((found.train_data[:12], found.val_data[:12], found.weights[:12] or "–"), []).append(arm)
    rows = [
        _row(("words", ", ".join(arms)), ("key", train), ("key", val), ("key", weights))
        for (train, val, weights), arms in groups.items()
    ]
    head = _head(("words", "arms"), ("key", "training data"), ("key", "validation data"), ("key", "weights"))
    return Grid(head, tuple(rows))


def _head(*cells: tuple[Kind, str]) -> tuple[GridCell, ...]:
    return tuple(GridCell(text, kind) for kind, text in cells)


def _row(*cells: tuple[Kind, str]) -> GridRow:
    return GridRow(_head(*cells))

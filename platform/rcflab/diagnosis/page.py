"""One page of all that was found in one network or several.

Diagnosed (name, Study, where from) ... --diagnosis_page--> DiagnosisPage --render_diagnosis--> one HTML document

Equal bytes for equal facts: no date in it. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from rcf.diagnostics.slot_matrix import chance_bits, slot_matrix
from rcf.diagnostics.study import Study
from rcflab.diagnosis import figures, tables
from rcflab.diagnosis.section import Section, number
from rcflab.diagnosis.words import claim
from rcflab.report.html import Grid, render_template
from rcflab.report.page import PagePicture
from rcflab.report.style import image

_READ = (
    "d_in is the distance of two windows (normalised images of references and target, and their sound as log-mel where "
    "the network listens), d_out that of the stacked class and mask probabilities, both as 2-norms. d_swap is the "
    "cheapest assignment of slots but the identity, over the slots that fired in either frame.",
    "A secant or a Jacobian norm is a lower bound of a Lipschitz constant, never an upper one. The layer product is an "
    "upper bound, and vacuous.",
    "Whether a slot shows the same object is decided by the ground truth: fired masks and true masks of a frame are "
    "matched by IoU, above 0.5 only.",
)


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """One network."""

    name: str
    study: Study
    facts: tuple[tuple[str, str], ...]
    """Where it comes from."""
    videos: tuple[int, ...]
    """The data set's ids, by index."""
    categories: tuple[str, ...]
    slots: int
    pictures: tuple[PagePicture, ...] = ()
    """Attention and pixel weight of some videos."""


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """All sections of one network."""

    name: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class DiagnosisPage:
    """The whole document."""

    title: str
    data: str
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    compared: Grid
    parts: tuple[NetworkPart, ...]
    notes: tuple[str, ...]


def diagnosis_page(found: Sequence[Diagnosed], data: str) -> DiagnosisPage:
    """`data` says on what they were judged."""
    return DiagnosisPage(
        "Order of slots and smoothness",
        data,
        tuple((each.name, claim(each.study)) for each in found),
        tables.compared({each.name: each.study for each in found}),
        tuple(NetworkPart(each.name, each.facts, _sections(each)) for each in found),
        _READ,
    )


def render_diagnosis(page: DiagnosisPage) -> str:
    """One document; ends in a newline."""
    return render_template("diagnosis.html.j2", {"page": page})


def _sections(each: Diagnosed) -> tuple[Section, ...]:
    found = (_order(each), _foretelling(each), _rules(each), _lipschitz(each), _looks(each), _slots(each))
    return tuple(section for section in found if not section.is_empty)


def _order(each: Diagnosed) -> Section:
    study = each.study
    grids = [("Order and smoothness as frames move apart", tables.curve(study.curve))]
    if study.groups:
        grids.append(("Where the order breaks; quarters are those of this data set", tables.groups(study)))
    grids.append(("When objects are found, of all that come into view, and found again", tables.fires(study)))
    changes, left_out = tables.changes(study, each.videos, each.categories)
    notes: tuple[str, ...] = ()
    if changes.rows:
        grids.append(("Order changes, frame by frame", changes))
        notes = (f"{left_out} more.",) if left_out else ()
    pictures = [_drawn("Where does the order break?", figures.curve_plot(study.curve))] if study.order.steps else []
    return Section("Order against ground truth", (), tuple(grids), tuple(pictures), notes)


def _foretelling(each: Diagnosed) -> Section:
    both = (("with Jacobians", each.study.judged), ("all pairs", each.study.all_pairs))
    shown = [(name, found) for name, found in both if found.areas]
    return Section(
        "Does smoothness foretell where the order changes?",
        (),
        tuple(
            (f"{found.pairs} pairs ({name}); intervals draw videos again", tables.foretold(found))
            for name, found in shown
        ),
        tuple(_drawn(f"AUC, {name}", figures.areas_plot(found)) for name, found in shown[:1]),
        (
            "Smooth scores are K d_in over half of d_self of the frame before, with a K that is known then. A smooth "
            "score supports the paper's argument only where both differences lie above zero with their intervals.",
        )
        if shown
        else (),
    )


def _rules(each: Diagnosed) -> Section:
    return Section(
        "Identity rules side by side, on the same outputs",
        (),
        (("All rules read the same masks; the oracle knows which object each mask shows", tables.rules(each.study)),),
        (),
        (
            "What the oracle gains in HOTA and AssA is what identities cost. It can lose AP: a track's label and score "
            "are means over its frames, and an object that the network calls something else is often in another slot.",
        ),
    )


def _lipschitz(each: Diagnosed) -> Section:
    study, grids, pictures = each.study, list[tuple[str, Grid]](), list[PagePicture]()
    if study.order.pairs:
        pictures.append(
            _drawn("How far outputs move, and what another order costs", figures.pairs_plot(study.order.pairs))
        )
    if study.bound is not None:
        pictures.append(_drawn("Where the bound comes from", figures.stages_plot(study.bound)))
        grids.append(("Layers of the backbone with the largest constants, each by itself", tables.layers(study.bound)))
    if study.segments:
        grids.append(("Between two frames", tables.segments(study, each.videos)))
    notes = (f"Jacobian norms: {tables.converged(study)}",) if study.norms else ()
    return Section("Lipschitz constants", (), tuple(grids), tuple(pictures), notes)


def _looks(each: Diagnosed) -> Section:
    grids = [
        (f"Who looks at whom, mean over {each.study.attention.windows} windows", tables.attention(each.study)),
        ("How much of that lies on true objects; 1 is no more than their area", tables.on_objects(each.study)),
    ]
    return Section("Attention (figures 4 and 8 of the paper)", (), tuple(grids), each.pictures)


def _slots(each: Diagnosed) -> Section:
    seen = [sighting for video in each.study.order.videos for sighting in video.seen]
    matrix = slot_matrix(seen, each.slots, each.categories)
    busiest = matrix.busiest()
    if busiest is None:
        return Section("Slots (figure 9 of the paper)")
    chance = chance_bits(seen, each.slots, len(each.categories), np.random.default_rng(0))
    bits, most = number(matrix.information_bits(), 2), number(matrix.category_bits(), 2)
    low, high = (number(float(limit), 2) for limit in np.quantile(chance, [0.025, 0.975]))
    said = (
        f"Slot {busiest.index} showed {number(100 * busiest.share)} % of {matrix.total} sightings of true objects. "
        f"A slot says {bits} of {most} bits of the category; where objects exchange their categories at random it says "
        f"{low} to {high}."
    )
    drawn = _drawn("True objects by the slot that showed them, and their category", figures.slots_plot(matrix))
    return Section("Slots (figure 9 of the paper)", (said,), (), (drawn,))


def _drawn(title: str, figure: Figure) -> PagePicture:
    return PagePicture(title, image(figure, "svg"), "svg")

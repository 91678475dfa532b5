"""The files of a finished search, as bytes by name; None for one that is not to be there.

Session, [Found ...] --search_files--> search.md, trials.*, importance.*, front.*, winner.yaml | front.yaml
"""

import json
from collections.abc import Sequence
from typing import get_args

from rcflab.report.forest import ImageFormat, image
from rcflab.search.figures import front_plot, importance_plot
from rcflab.search.found import Found
from rcflab.search.pinned import front_text, winner_text
from rcflab.search.report import search_md, trials_csv, trials_json
from rcflab.session import Session


def search_files(session: Session, found: Sequence[Found]) -> dict[str, bytes | None]:
    """All files; figures show the first study, which is the only one without per_arm."""
    spec, search = session.spec, session.spec.search
    assert search is not None, "the experiment has a search"
    several = len(search.objective) > 1
    code = session.provenance.code_digest
    texts: dict[str, str | None] = {
        "search.md": search_md(spec.name, search, found),
        "trials.csv": trials_csv(found),
        "trials.json": json.dumps(trials_json(spec.name, found), indent=1, allow_nan=False) + "\n",
        "winner.yaml": None if several else winner_text(spec, search, found, code),
        "front.yaml": front_text(spec, search, found[0], code) if several else None,
    }
    files = {name: None if text is None else text.encode() for name, text in texts.items()}
    for form in get_args(ImageFormat):
        files[f"importance.{form}"] = image(importance_plot(found[0]), form) if found[0].importance else None
        files[f"front.{form}"] = image(front_plot(found[0]), form) if several else None
    return files

"""What a diagnosis leaves on disk: the page, and beside it what it was counted from.

DiagnosisPage --> FILE.html      each network's OrderResult --> FILE-pairs-1-NAME.parquet, FILE-objects-1-NAME.parquet
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rcf.errors import InputError, Problem
from rcflab.diagnosis.page import Diagnosed, DiagnosisPage, render_diagnosis
from rcflab.ledger.files import replace_text, storage_errors
from rcflab.order_files import write_objects, write_pairs


def check_output(path: Path) -> None:
    """Raises InputError or StorageError where the page could not be written: known before minutes are spent."""
    if path.is_dir():
        raise InputError([Problem("--output", "", f"{path}, which is a folder", "the path of a file")])
    with storage_errors(path.parent, "write into"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def write_diagnosis(path: Path, page: DiagnosisPage, found: Sequence[Diagnosed]) -> list[Path]:
    """Write the page, pairs and objects; returns all files, the page first. Raises StorageError."""
    replace_text(path, render_diagnosis(page))
    written = [path]
    for place, each in enumerate(found, start=1):
        # By place too: two names may differ in nothing but signs that a file's name cannot have.
        end = f"{place}-{re.sub(r'[^A-Za-z0-9._-]', '_', each.name)}.parquet"
        pairs, objects = (path.with_name(f"{path.stem}-{kind}-{end}") for kind in ("pairs", "objects"))
        with storage_errors(path.parent, "write into"):
            write_pairs(pairs, each.study.order, each.videos)
            write_objects(objects, each.study.order, each.videos, each.categories)
        written += [pairs, objects]
    return written

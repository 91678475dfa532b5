"""What a diagnosis leaves on disk: the page, and all pairs of frames beside it.

DiagnosisPage --> FILE.html      each network's OrderResult --> FILE-pairs-NAME.parquet
"""

import re
from collections.abc import Sequence
from pathlib import Path

from rcflab.diagnosis.page import Diagnosed, DiagnosisPage, render_diagnosis
from rcflab.ledger.files import replace_text, storage_errors
from rcflab.order_files import write_pairs


def write_diagnosis(path: Path, page: DiagnosisPage, found: Sequence[Diagnosed]) -> list[Path]:
    """Write the page and the pairs; returns all files, the page first. Raises StorageError."""
    with storage_errors(path.parent, "create"):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, render_diagnosis(page))
    pairs: list[Path] = []
    for each in found:
        file = path.with_name(f"{path.stem}-pairs-{re.sub(r'[^A-Za-z0-9._-]', '_', each.name)}.parquet")
        with storage_errors(file, "write"):
            write_pairs(file, each.study.order, each.videos)
        pairs.append(file)
    return [path, *pairs]

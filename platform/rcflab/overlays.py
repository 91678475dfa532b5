"""Pictures that evaluations wrote, small enough for a page.

Evaluated.artifacts (PNG, JPEG) of seed 0 of each arm --choose--> a few files that several arms have --shrink--> bytes

What is no picture, or too large for one, is left out: a page must come out whatever lies in the store.
"""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from rcflab.ledger.fold import KeyState
from rcflab.records import RunPlan
from rcflab.report.page import Overlays, PagePicture

MOST_FILES, MOST_ARMS = 3, 6
"""In a page: so many pictures of each of so many arms."""
MOST_BYTES = 300_000
"""Of one picture; a larger one is scaled down."""
_WIDEST, _QUALITY = 1_600, 80
_MOST_PIXELS = 60_000_000
_ENDINGS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


def find_overlays(plan: RunPlan, keys: Mapping[str, KeyState], storage: Path) -> Overlays | None:
    """The first pictures of the first seed of each arm; None where there are none."""
    by_arm: dict[str, dict[str, Path]] = {}
    for cell in plan.cells:
        final = keys[cell.train_key].final(cell.eval_key)
        if cell.arm not in by_arm and final is not None:
            files = [storage / path for path in final.artifacts if _is_overlay(Path(path))]
            by_arm[cell.arm] = {file.name: file for file in sorted(files)}
    names = sorted({name for files in by_arm.values() for name in files}, key=_natural)
    arms = tuple(arm for arm, files in by_arm.items() if files)[:MOST_ARMS]
    rows = [(name, tuple(_picture(by_arm[arm].get(name), arm) for arm in arms)) for name in names[:MOST_FILES]]
    shown = [(name, pictures) for name, pictures in rows if any(pictures)]
    count = sum(picture is not None for _, pictures in shown for picture in pictures)
    return Overlays(arms, tuple(shown), sum(map(len, by_arm.values())) - count) if shown else None


def _is_overlay(path: Path) -> bool:
    """A picture, and not one of the figures on the order of slots, which are drawn for MLflow."""
    return path.suffix.lower() in _ENDINGS and path.parent.name != "order"


def _natural(name: str) -> tuple[int, str]:
    """`video-2` before `video-10`."""
    return len(name), name


def _picture(path: Path | None, arm: str) -> PagePicture | None:
    """None where the file is gone or is no picture."""
    if path is None:
        return None
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _small(content, arm)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _small(content: bytes, arm: str) -> PagePicture:
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            raise ValueError(f"{picture.width} x {picture.height} pixels")
        picture.load()
        if len(content) <= MOST_BYTES:
            return PagePicture(arm, content, str(picture.format).lower())
        small = picture.convert("RGB")
    small.thumbnail((_WIDEST, _WIDEST))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return PagePicture(arm, out.getvalue(), "jpeg")

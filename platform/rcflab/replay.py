"""Whether a trial that was run again came out the same, bit for bit, and where not.

    KeyState, files of the original --.
                                      +--> how it ended, losses at each step, final metrics, match records, weights
    KeyState, files of the replay ----'        --> Compared(differences, what was compared, what could not be)

Durations and the load of the machine are measured anew each time and are left out. Reads files, starts nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from rcflab.ledger.events import Evaluated
from rcflab.ledger.fold import MAY_DIFFER, KeyState, Point
from rcflab.records import Json, Provenance

Arrays = Mapping[str, NDArray[np.generic]]
_TENSORS = (".safetensors", ".npy")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same."""

    part: str
    """end, curve, metric, records or weights."""
    name: str
    text: str


@dataclass(slots=True)
class Compared:
    """All that was looked at."""

    differences: list[Difference] = field(default_factory=list[Difference])
    equal: dict[str, int] = field(default_factory=dict[str, int])
    """How many things of each part are the same."""
    missing: list[str] = field(default_factory=list[str])
    """What could not be compared, and why."""

    def note(self, part: str, name: str, text: str) -> None:
        """Take one comparison in: `text` says what differs, empty where nothing does."""
        if text:
            self.differences.append(Difference(part, name, text))
        else:
            self.equal[part] = self.equal.get(part, 0) + 1


@dataclass(frozen=True, slots=True)
class Side:
    """One run of the trial."""

    storage: Path
    state: KeyState
    final: Evaluated | None


def compare_runs(original: Side, replay: Side) -> Compared:
    """Everything that both runs of a trial have left. Raises OSError and ValueError for files that cannot be read."""
    found = Compared()
    ends = [f"{side.state.state} {side.state.failure} {side.state.reason}".strip() for side in (original, replay)]
    found.note("end", "state", "" if ends[0] == ends[1] else f"was {ends[0]!r}, is {ends[1]!r}")
    for name in sorted({*original.state.series, *replay.state.series}):
        if not name.startswith(MAY_DIFFER):
            points = (original.state.series.get(name, ()), replay.state.series.get(name, ()))
            found.note("curve", name, _curve_difference(*points))
    if original.final is not None and replay.final is not None:
        _compare_evaluations(found, original, replay, original.final, replay.final)
    _compare_weights(found, original, replay)
    return found


def environment_differences(made_by: Mapping[str, Json], now: Provenance) -> list[str]:
    """What has changed since the trial was made and may change its bits: code, libraries, processor."""
    lines: list[str] = []
    code = str(made_by.get("code_digest", ""))
    if code != now.code_digest:
        lines.append(f"code: was {code[:12]}, is {now.code_digest[:12]}")
    before: Mapping[str, Json] = made_by.get("packages", {})
    for name in sorted({*before, *now.packages}):
        was, is_now = before.get(name, "not there"), now.packages.get(name, "not there")
        if was != is_now:
            lines.append(f"{name}: was {was}, is {is_now}")
    processor = made_by.get("processor", "")
    if processor != now.processor:
        lines.append(f"processor: was {processor}, is {now.processor}")
    return lines


def _curve_difference(was: tuple[Point, ...], now: tuple[Point, ...]) -> str:
    first, second = ({point.step: point.value for point in points} for points in (was, now))
    for step in sorted({*first, *second}):
        if step not in first or step not in second:
            return f"step {step} is in the {'replay' if step in second else 'original'} only"
        if not _same(first[step], second[step]):
            return f"from step {step} on: was {first[step]!r}, is {second[step]!r}"
    return ""


def _compare_evaluations(found: Compared, original: Side, replay: Side, was: Evaluated, now: Evaluated) -> None:
    if was.videos_digest != now.videos_digest:
        found.note("records", "videos", f"was {was.videos_digest[:12]}, is {now.videos_digest[:12]}")
    for name in sorted({*was.values, *now.values}):
        if name.startswith(MAY_DIFFER):
            continue
        first, second = was.values.get(name), now.values.get(name)
        same = first is not None and second is not None and _same(first, second)
        found.note("metric", name, "" if same else f"was {first!r}, is {second!r}")
    path = original.storage / was.records
    if path.is_file():
        for name, text in _array_differences(_npz(path), _npz(replay.storage / now.records)):
            found.note("records", name, text)
    else:
        found.missing.append(f"match records: {path} is gone")


def _compare_weights(found: Compared, original: Side, replay: Side) -> None:
    folders = [
        None if side.state.checkpoint is None else side.storage / side.state.checkpoint.path
        for side in (original, replay)
    ]
    was, now = folders
    if was is None or now is None or not was.is_dir():
        found.missing.append("weights: the original has no checkpoint" + ("" if was is None else f" any more in {was}"))
        return
    names = {path.name for folder in (was, now) for path in folder.iterdir() if path.suffix in _TENSORS}
    for name in sorted(names):
        if not (was / name).is_file() or not (now / name).is_file():
            # What only a resume needs is dropped at the last step, so a run that ended elsewhere may have more files.
            found.note("weights", name, "only one of both has it")
        elif (was / name).read_bytes() == (now / name).read_bytes():
            found.note("weights", name, "")
        else:
            for tensor, text in _array_differences(_tensors(was / name), _tensors(now / name)):
                found.note("weights", f"{name} {tensor}".strip(), text)


def _array_differences(was: Arrays, now: Arrays) -> Iterator[tuple[str, str]]:
    for name in sorted({*was, *now}):
        if name not in was or name not in now:
            yield name, f"is in the {'replay' if name in now else 'original'} only"
            continue
        yield name, _array_difference(was[name], now[name])


def _array_difference(was: NDArray[np.generic], now: NDArray[np.generic]) -> str:
    if (was.dtype, was.shape) != (now.dtype, now.shape):
        return f"was {was.dtype} of shape {was.shape}, is {now.dtype} of shape {now.shape}"
    if was.tobytes() == now.tobytes():
        return ""
    if not np.issubdtype(was.dtype, np.number):
        return "values differ"
    first, second = was.astype(np.float64), now.astype(np.float64)
    unequal = ~((first == second) | (np.isnan(first) & np.isnan(second)))
    if not unequal.any():
        return "equal in value, not in bits (signs of zeros, or kinds of NaN)"
    largest = float(np.max(np.abs(first - second)[unequal]))
    return f"{int(unequal.sum())} of {unequal.size} values differ, by at most {largest:.3g}"


def _npz(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _tensors(path: Path) -> Arrays:
    if path.suffix == ".npy":
        return {"": np.load(path, allow_pickle=False)}
    return safetensors.numpy.load_file(path)  # pyright: ignore[reportUnknownMemberType]


def _same(one: float, other: float) -> bool:
    """To the last bit, the sign of zero included."""
    return float(one).hex() == float(other).hex()

"""How much faster AP and AR on resampled videos are than the evaluator's statistics in a loop over the resamples.

    records, counts V B --resampled_stats------------------------> five numbers x B  --time--.
                        `-stats_from_records, each of some columns--> twelve numbers --time--> ratio at equal B

Records as a model on 300 videos leaves them: 20 categories with a long tail, 600 true tracks, 3,159 predictions. The
loop is timed on some of the columns and scaled to all; both sides must agree on those. A pair of arms costs twice the
first time for each seed.

    python benchmarks/bootstrap.py [--resamples 2000] [--looped 100] [--rounds 5]
"""

import numpy as np
from _timing import Times, interleaved, options, versus
from numpy.typing import NDArray

from rcf.evaluation.matching import AREA_RANGES, IOU_THRESHOLDS
from rcf.evaluation.resampled import resampled_stats
from rcf.evaluation.statistics import Stats, stats_from_records

VIDEOS, CATEGORIES, TRACKS, PREDICTIONS = 300, 20, 600, 3159
Records = dict[str, NDArray[np.generic]]


def ranks(video: NDArray[np.int64], category: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each prediction among those of its video and category; predictions stand by descending score."""
    order = np.lexsort((np.arange(len(video)), category, video))
    group = video[order] * CATEGORIES + category[order]
    first = np.concatenate([[True], group[1:] != group[:-1]])
    starts = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
    found = np.empty(len(video), np.int64)
    found[order] = np.arange(len(group)) - starts
    return found


def make_records(rng: np.random.Generator) -> Records:
    """One prediction for each true track, of random quality, and false ones whose scores are lower on average."""
    often = 1 / np.arange(1, CATEGORIES + 1)
    video = rng.integers(0, VIDEOS, PREDICTIONS)
    category = rng.choice(CATEGORIES, PREDICTIONS, p=often / often.sum())
    iou = np.zeros(PREDICTIONS)
    iou[:TRACKS] = 1 / (1 + np.exp(-rng.normal(0.9, 1.0, TRACKS)))
    score = np.where(iou > 0, iou, 0.35) + rng.normal(0, 0.22, PREDICTIONS)
    positives = np.zeros((len(AREA_RANGES), VIDEOS, CATEGORIES), np.int64)
    np.add.at(positives[0], (video[:TRACKS], category[:TRACKS]), 1)
    order = np.lexsort((-score, category))
    true = np.zeros((len(AREA_RANGES), len(IOU_THRESHOLDS), PREDICTIONS), np.bool_)
    true[0] = iou[order] >= IOU_THRESHOLDS[:, None]
    return {
        "video_ids": np.arange(VIDEOS),
        "category_ids": np.arange(CATEGORIES),
        "video": video[order],
        "category": category[order],
        "score": score[order],
        "rank": ranks(video[order], category[order]),
        "true_positive": true,
        "ignored": np.zeros_like(true),
        "positives": positives,
    }


def looped(records: Records, weights: NDArray[np.float64]) -> list[Stats]:
    """The plain way."""
    return [stats_from_records(records, column) for column in weights.T]


def main() -> None:
    """Print the ratio."""
    chosen = options(__doc__, resamples=2000, looped=100, rounds=5)
    rng = np.random.default_rng(0)
    records = make_records(rng)
    counts = rng.multinomial(VIDEOS, np.full(VIDEOS, 1 / VIDEOS), chosen.resamples).T.astype(np.float64)
    some = counts[:, : chosen.looped]
    at_once = resampled_stats(records, counts)
    for b, stats in enumerate(looped(records, some)):
        if any(abs(values[b] - (stats[name] or 0.0)) > 1e-10 for name, values in at_once.items()):
            raise SystemExit(f"benchmark bootstrap: the two sides disagree in column {b}")
    parts = {"at once": lambda: resampled_stats(records, counts), "loop": lambda: looped(records, some)}
    times = interleaved(parts, chosen.rounds, warm_up=1)
    scale = counts.shape[1] / some.shape[1]
    loop = Times(times["loop"].wall * scale, times["loop"].cpu * scale)
    ours = times["at once"]
    print(
        f"benchmark bootstrap: ratio {versus(loop, ours)} ({loop.cpu / 1e3:.1f} s / {ours.cpu / 1e3:.2f} s of CPU time "
        f"for {counts.shape[1]} resamples)",
        flush=True,
    )


if __name__ == "__main__":
    main()

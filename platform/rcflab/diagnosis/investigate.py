"""A network on the videos, studied, with a countdown of each part that takes long; then as the page wants it.

Named, VideoDataset --study--> Study + where it comes from + pictures --> Diagnosed
"""

import io
from collections.abc import Sequence

from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.attention_picture import attention_of_video
from rcf.diagnostics.study import Depth, study
from rcf.errors import CheckpointError, InputError, Problem
from rcflab.countdown import Countdown
from rcflab.diagnosis.opening import Named
from rcflab.diagnosis.page import Diagnosed
from rcflab.report.page import PagePicture

_PICTURES = 2
"""Of attention."""


def investigate(each: Named, dataset: VideoDataset, depth: Depth) -> Diagnosed:
    """All that the page says of one network. Raises InputError for a network whose outputs are not finite."""
    network, config = each.trained.network, each.trained.config
    try:
        found = study(network, dataset, config.evaluation, depth, lambda part: Countdown(f"{each.name}: {part}"))
    except CheckpointError as error:
        raise InputError([Problem(each.source, "weights", str(error), "finite outputs")]) from error
    return Diagnosed(
        each.name,
        found,
        tuple(_facts(each)),
        tuple(video.id for video in dataset.videos),
        dataset.annotations.category_names,
        config.model.queries,
        tuple(_pictures(each, dataset)),
    )


def _pictures(each: Named, dataset: VideoDataset) -> list[PagePicture]:
    """Attention and pixel weight over the first videos that have objects."""
    network, threshold = each.trained.network, each.trained.config.evaluation.class_threshold
    shown = {track.video_id for track in dataset.annotations.tracks}
    videos = [index for index, video in enumerate(dataset.videos) if video.id in shown][:_PICTURES]
    found: list[PagePicture] = []
    for video in videos:
        content = io.BytesIO()
        attention_of_video(network, dataset, video, threshold).convert("RGB").save(content, format="JPEG", quality=88)
        found.append(PagePicture(f"Video {dataset.videos[video].id}: who looks where", content.getvalue(), "jpeg"))
    return found


def _facts(each: Named) -> Sequence[tuple[str, str]]:
    model, way = each.trained.config.model, each.trained.config.evaluation
    return [
        ("checkpoint", each.source),
        ("backbone", model.backbone.name),
        ("reference frames", str(model.reference.frames)),
        ("queries", str(model.queries)),
        ("frames that AP is of", way.frames),
        ("identity rule, thresholds", f"{way.identity}, class {way.class_threshold}, mask {way.mask_threshold}"),
    ]


def described(dataset: VideoDataset, digest: str) -> str:
    """On what the networks were judged."""
    frames = sum(video.length for video in dataset.videos)
    return (
        f"{len(dataset.videos)} videos with {frames} frames and {len(dataset.annotations.tracks)} objects of "
        f"{dataset.annotations.path} (digest {digest})."
    )

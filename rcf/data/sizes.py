"""How large the network sees a video, and how large its decoded frames are kept.

FrameSizeConfig (box), size of the video --network_size--> height and width of a frame
AugmentConfig.short_sides --scaled_box--> the box of one step
largest box, smallest crop --base_size--> what is kept in memory: every scale and every crop is made from it
"""

import math

from rcf.config import AugmentConfig, FrameSizeConfig

SMALLEST_SIDE = 32
"""Pixels; below it the last stage of a backbone has nothing to look at."""
STILL_MARGIN = 2
"""Still images are kept at so many times the network's size: the window that moves over them shows a part only."""

Size = tuple[int, int]
"""Height and width, pixels."""


def network_size(height: int, width: int, box: FrameSizeConfig) -> Size:
    """Height and width at which the network sees a video of `height` x `width`."""
    if not box.keep_ratio:
        return box.height, box.width
    most = (box.width, box.height) if height > width else (box.height, box.width)
    scale = min(most[0] / height, most[1] / width)
    return max(round(height * scale), SMALLEST_SIDE), max(round(width * scale), SMALLEST_SIDE)


def scaled_box(box: FrameSizeConfig, short_side: int) -> FrameSizeConfig:
    """`box` in proportion, its shorter side `short_side` pixels."""
    scale = short_side / min(box.height, box.width)
    return box.model_copy(update={"height": round(box.height * scale), "width": round(box.width * scale)})


def base_size(height: int, width: int, box: FrameSizeConfig, augment: AugmentConfig, *, still: bool = False) -> Size:
    """Height and width at which the frames of a training video are kept.

    Without multi-scale and crops the network's size itself. Else the largest that any scale and any crop can use, but
    never more than the file has. Still images count as cropped, for a window moves over them.
    """
    parts = [1 / augment.crop_smallest] if augment.crop else []
    parts += [STILL_MARGIN] if still and augment.still_shift else []
    if not parts and not augment.short_sides:
        return network_size(height, width, box)
    largest = scaled_box(box, max(augment.short_sides)) if augment.short_sides else box
    wanted = network_size(height, width, largest)
    grown = [math.ceil(side * math.prod(parts)) for side in wanted]
    return min(grown[0], height), min(grown[1], width)

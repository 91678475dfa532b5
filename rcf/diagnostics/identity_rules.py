"""Rules of identity beside one another on one network: what each makes of the very same masks, nothing trained again.

each video --network, once--> answers --slot | slot_iou | cosine | oracle--> identities of the fired slots
    tracks ---------------track AP--> ap, ap50, ap75     classes, scores and whole masks
    identities, IoU of masks --HOTA-> hota, deta, assa   the rules differ in assa, hardly in deta
    sightings ---------------steps--> switches           of all times that a true object was found again
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rcf.config import EvaluationConfig
from rcf.data.annotations import Annotations
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.followed_video import Followed, RuledVideo
from rcf.diagnostics.oracle_identity import OracleIdentity
from rcf.evaluation.chosen_frames import restrict
from rcf.evaluation.hota import hota
from rcf.evaluation.track_ap import evaluate
from rcf.evaluation.video_pass import answer_video
from rcf.identity import CosineIdentity, IdentityRule, SlotIdentity, SlotIouIdentity
from rcf.model.network import RCF

RuleName = Literal["slot", "slot_iou", "cosine", "oracle"]
RULES: tuple[RuleName, ...] = ("slot", "slot_iou", "cosine", "oracle")


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule comes to on a data set. Scores are in percent points; None where there was nothing to count."""

    name: RuleName
    ap: float | None
    """None without true objects, as `ap50` and `ap75`."""
    ap50: float | None
    ap75: float | None
    hota: float | None
    """None with neither true objects nor predicted ones, as `deta` and `assa`."""
    deta: float | None
    assa: float | None
    identities: int
    """Objects that a user is told of, over all videos."""
    found_again: int
    """How often a true object was shown that had been shown before: in the frame before, or before a gap."""
    switches: int
    """How often of these it had another identity than the last time (`Step.kept_identity`)."""
    fired: int
    """Slots, over all frames but the first of each video, whose identities come from nowhere."""
    overridden: int
    """Those of them that got another identity than their own."""

    @property
    def switches_per_100(self) -> float | None:
        """Identity switches for each hundred times that an object was found again."""
        return 100 * self.switches / self.found_again if self.found_again else None

    @property
    def override_pct(self) -> float | None:
        """Share of the fired slots whose identity was overridden."""
        return 100 * self.overridden / self.fired if self.fired else None


def compare_rules(
    network: RCF, dataset: VideoDataset, way: EvaluationConfig, on_video: Callable[[int, int], None] | None = None
) -> list[RuleResult]:
    """Every rule of RULES on every video, with the thresholds of `way`; its own `identity` plays no part.

    AP and HOTA are of the frames that `way.frames` names, all else is of all frames. `on_video` is told after each
    video how many are done, of how many. The network is left in the mode it came in.
    Raises CheckpointError where the network answers with NaN or infinity.
    """
    was_training = network.training
    network.eval()
    videos: list[Mapping[RuleName, Followed]] = []
    try:
        for index in range(len(dataset.videos)):
            videos.append(_video(network, dataset, index, way))
            if on_video is not None:
                on_video(index + 1, len(dataset.videos))
    finally:
        network.train(was_training)
    return [_result(name, dataset.annotations, way, [video[name] for video in videos]) for name in RULES]


def _video(network: RCF, dataset: VideoDataset, index: int, way: EvaluationConfig) -> dict[RuleName, Followed]:
    answer = answer_video(network, dataset, index, dataset.frames(index))
    video = RuledVideo(dataset, index, answer, way)
    rules: dict[RuleName, IdentityRule] = {
        "slot": SlotIdentity(),
        "slot_iou": SlotIouIdentity(way.override_iou),
        "cosine": CosineIdentity(),
        "oracle": OracleIdentity(video.shown),
    }
    return {name: video.follow(rule) for name, rule in rules.items()}


def _result(name: RuleName, annotations: Annotations, way: EvaluationConfig, videos: Sequence[Followed]) -> RuleResult:
    predictions = [track for video in videos for track in video.tracks]
    stats = evaluate(*restrict(annotations, predictions, way.frames)).stats
    followed = hota(video.hota for video in videos)
    return RuleResult(
        name=name,
        ap=stats["AP"],
        ap50=stats["AP50"],
        ap75=stats["AP75"],
        hota=None if followed is None else followed.hota,
        deta=None if followed is None else followed.deta,
        assa=None if followed is None else followed.assa,
        identities=sum(video.identities for video in videos),
        found_again=sum(video.found_again for video in videos),
        switches=sum(video.switches for video in videos),
        fired=sum(video.fired for video in videos),
        overridden=sum(video.overridden for video in videos),
    )

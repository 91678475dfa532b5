"""One video under several rules of identity: the same slots, masks and classes each time, under other names.

    answers --read once with the slot rule--> of each frame: true tracks, their IoU with what fired, sightings
    answers --read with a rule--> its identities in their place --> Followed: tracks, HotaCounts, identity switches

IoU for HOTA is that of masks at the video's own size, on the frames that `EvaluationConfig.frames` names; sightings are
of all frames, at the network's size. Crowds are no objects here, as in training: what shows one shows nothing true.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from rcf.config import EvaluationConfig
from rcf.data.annotations import Track
from rcf.data.ytvis import VideoDataset
from rcf.diagnostics.oracle_identity import shown_tracks
from rcf.diagnostics.sightings import Sighting, sightings, steps
from rcf.evaluation import rle
from rcf.evaluation.chosen_frames import frames_of
from rcf.evaluation.hota import Floats, HotaCounts, TrackedFrame, count_video
from rcf.evaluation.tracks import TrackAssembler
from rcf.evaluation.video_pass import beside_truth, read_frames
from rcf.identity import IdentityRule, SlotIdentity, mask_iou
from rcf.structures import FramePrediction, Segmentation, TrackPrediction
from rcf.tensors import booleans, from_numpy, integers


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A video under one rule."""

    tracks: list[TrackPrediction]
    hota: HotaCounts
    identities: int
    """Objects that a user is told of."""
    found_again: int
    """Steps of true objects, adjacent or over a gap."""
    switches: int
    """Steps that did not keep the identity."""
    fired: int
    """Slots, over all frames but the first, whose identities come from nowhere."""
    overridden: int
    """Those of them that got another identity than their own."""


class RuledVideo:
    """The answers of one video, read with one rule after another."""

    def __init__(self, dataset: VideoDataset, index: int, answer: Segmentation, way: EvaluationConfig) -> None:
        """`way` has the thresholds; the identity rule that it names plays no part."""
        self._dataset, self._index, self._answer, self._way = dataset, index, answer, way
        self._video = dataset.videos[index]
        tracks = dataset.annotations.tracks
        objects = [track for track in tracks if track.video_id == self._video.id and not track.iscrowd]
        predictions = enumerate(read_frames(dataset, index, answer, way, SlotIdentity()))
        self._facts = [self._fact(objects, number, prediction) for number, prediction in predictions]

    @property
    def shown(self) -> list[dict[int, int]]:
        """Of each frame, the tracks by the slots that show them: the truth for an oracle."""
        return [fact.shown for fact in self._facts]

    def follow(self, rule: IdentityRule) -> Followed:
        """Under `rule`, at the start of its video."""
        assembler, chosen = TrackAssembler(self._way), frames_of(self._video, self._way.frames)
        seen: list[Sighting] = []
        compared: list[TrackedFrame] = []
        names: set[int] = set()
        fired = overridden = 0
        predictions = read_frames(self._dataset, self._index, self._answer, self._way, rule)
        for number, (prediction, fact) in enumerate(zip(predictions, self._facts, strict=True)):
            assembler.add(prediction)
            seen += _renamed(fact.seen, prediction)
            shown = integers(prediction.identities[fact.visible])
            names.update(shown)
            if number in chosen:
                compared.append(TrackedFrame(fact.truth, shown, fact.similarity))
            if number:
                fired += len(prediction.slots)
                overridden += int(prediction.overridden.sum())
        kept = [step.kept_identity for step in steps(seen)]
        tracks = assembler.tracks(self._video.id, self._dataset.category_ids)
        return Followed(tracks, count_video(compared), len(names), len(kept), kept.count(False), fired, overridden)

    def _fact(self, objects: Sequence[Track], number: int, prediction: FramePrediction) -> "_Fact":
        here = [(track.id, mask) for track in objects if (mask := track.segmentations[number]) is not None]
        empty = np.zeros((0, self._video.height, self._video.width), np.bool_)
        masks = from_numpy(rle.decode([mask for _, mask in here]) if here else empty)
        beside = beside_truth(self._dataset, self._index, number, prediction)
        there, visible = masks.flatten(1).any(1), prediction.masks.flatten(1).any(1)
        return _Fact(
            truth=[track for (track, _), is_there in zip(here, booleans(there), strict=True) if is_there],
            visible=visible,
            similarity=mask_iou(masks[there], prediction.masks[visible]).numpy(),
            shown=shown_tracks(prediction, *beside),
            seen=sightings(number, prediction, *beside),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Fact:
    """What is so in a frame under every rule."""

    truth: list[int]
    """True tracks that have a pixel."""
    visible: Bool[Tensor, " M"]
    """Which fired slots have a pixel; the others show nobody anything."""
    similarity: Floats
    """Of these tracks and these slots."""
    shown: dict[int, int]
    """Slot -> track."""
    seen: list[Sighting]


def _renamed(seen: Sequence[Sighting], prediction: FramePrediction) -> list[Sighting]:
    """The sightings of a frame with the identities of `prediction`, in which the same slots fired."""
    place = {slot: number for number, slot in enumerate(integers(prediction.slots))}
    identities, overridden = integers(prediction.identities), booleans(prediction.overridden)
    return [
        replace(each, identity=identities[place[each.slot]], overridden=overridden[place[each.slot]]) for each in seen
    ]

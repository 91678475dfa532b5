"""The rules of identity (rcf/identity.py) as arithmetic on tensors of fixed size: no lists, no branches on values.

fired Q, masks Q h w, state --greedy by falling IoU, Q times--> forced identities --settle, slot by slot--> identities Q

State: `own` the identity that each slot carried last, `last` the identity that it had in the last frame (0: silent),
`masks` those of the last frame, `count` the identities so far. Zeros are the start of a video. Tests hold it against
the rules themselves.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

RuleState = tuple[Tensor, Tensor, Tensor, Tensor]
"""own Q, last Q, masks Q h w, count 1."""


def overlap_now(now: Bool[Tensor, "Q h w"], before: Bool[Tensor, "Q h w"]) -> Float[Tensor, "Q Q"]:
    """IoU of each mask with each of the last frame, in double precision as `rcf.identity.mask_iou`."""
    # Counts of pixels are exact in float32 up to 16 million, and runtimes multiply float32 only.
    a, b = now.flatten(1).float(), before.flatten(1).float()
    both = (a @ b.T).double()
    either = a.sum(1).double()[:, None] + b.sum(1).double()[None] - both
    return both / either.clamp(min=1)


def forced_identities(
    fired: Bool[Tensor, " Q"], masks: Bool[Tensor, "Q h w"], state: RuleState, threshold: float
) -> Int[Tensor, " Q"]:
    """What the IoU rule gives each slot; 0 where it gives nothing."""
    own, last, before, _ = state
    overlap = overlap_now(masks, before)
    open_pairs = (overlap > threshold) & fired[:, None] & (last > 0)[None]
    agreed = last[None] == own[:, None]
    slots = torch.arange(len(own), device=own.device)
    forced = torch.zeros_like(own)
    for _ in range(len(own)):
        # Pairs on which both rules agree come first, then the greatest IoU; argmax takes the lowest slots of equals.
        first = open_pairs & agreed
        # Not `torch.where`: ONNX Runtime has none for truth values.
        eligible = first | (open_pairs & ~first.any())
        best = torch.where(eligible, overlap, torch.full_like(overlap, -1.0)).flatten().argmax()
        row, column = best // len(own), best % len(own)
        chosen = (slots == row) & eligible.any()
        # Not `last[column]`: an index that depends on values makes the export slow, and once only.
        given = torch.where(slots == column, last, torch.zeros_like(last)).sum()
        forced = torch.where(chosen, given, forced)
        open_pairs = open_pairs & ~chosen[:, None] & ~((slots == column) & eligible.any())[None]
    return forced


def settled(fired: Bool[Tensor, " Q"], forced: Int[Tensor, " Q"], state: RuleState) -> tuple[Tensor, Tensor, Tensor]:
    """Identities of this frame (0: silent), those that slots carry on, and how many there were."""
    own, _, _, count = state
    slots = torch.arange(len(own), device=own.device)
    # What the IoU rule gave is taken before any slot claims its own.
    identities = torch.where(fired, forced, torch.zeros_like(own))
    for slot in range(len(own)):
        taken = ((identities == own[slot]) & (identities > 0)).any()
        keeps = (own[slot] > 0) & ~taken
        asks = fired[slot] & (forced[slot] == 0)
        count = count + (asks & ~keeps).to(count.dtype)
        given = torch.where(keeps, own[slot], count[0])
        identities = torch.where((slots == slot) & asks, given, identities)
    stolen = ((own[:, None] == identities[None]) & (identities > 0)[None]).any(1)
    carried = torch.where(fired, identities, torch.where(stolen, torch.zeros_like(own), own))
    return identities, carried, count

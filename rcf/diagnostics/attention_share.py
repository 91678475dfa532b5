"""How attention is shared out, in numbers that full and compressed references can be compared by (figures 4 and 8).

    weights of a layer and head --rows of the target---> share on target, references, sounds; entropy
                                --rows of references--> entropy over the target's cells, of each token and of their mean
    decoder ---------------------rows of fired slots--> the same shares and entropy
    maps over the target, masks of objects --share_on_objects--> share, beside that of an even map

The paper: fewer reference tokens leave "larger weights for target values", and reference-to-target maps are "sharper in
the instance region". Fewer tokens get less even by chance: `target_if_even` is what tells a preference from a count.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
import torch.nn.functional as functional
from jaxtyping import Bool, Float
from torch import Tensor

from rcf.diagnostics.attention_maps import DecoderAttention, EncoderAttention, TokenParts
from rcf.tensors import floats


@dataclass(frozen=True, slots=True)
class Entropy:
    """How widely attention is spread."""

    nats: float
    of_even: float | None
    """As a share of that of even attention, log of the number of keys; None with one key, where all is alike."""


@dataclass(frozen=True, slots=True)
class AttentionShare:
    """One head of one layer."""

    layer: int
    """The first is 0."""
    head: int | None
    """None: mean of the heads."""
    target: float
    """Share of their attention that the rows give to the target's tokens; with the next two it makes 1."""
    reference: float
    audio: float
    target_if_even: float
    """What the target would get from even attention: its share of the tokens."""
    entropy: Entropy
    """Of the rows over all tokens."""
    reference_entropy: Entropy | None = None
    """Of a reference token's attention within the target; None without reference tokens in the encoder."""
    reference_map_entropy: Entropy | None = None
    """Of the picture, their mean: wide also where each of many tokens looks narrowly, but each elsewhere."""


def attention_shares(attention: EncoderAttention) -> tuple[AttentionShare, ...]:
    """Of the target's rows: each head of each layer, layer by layer."""
    parts = attention.parts
    shares = _shares(attention.weights[:, :, parts.target], parts)
    if not parts.references:
        return shares
    looks = attention.weights[:, :, parts.reference, parts.target]
    each, together = (
        floats(found.flatten()) for found in (entropy(_alone(looks)).mean(-1), entropy(_alone(looks.mean(2))))
    )
    return tuple(
        replace(
            share,
            reference_entropy=_of_even(of_each, parts.cells),
            reference_map_entropy=_of_even(of_mean, parts.cells),
        )
        for share, of_each, of_mean in zip(shares, each, together, strict=True)
    )


def slot_shares(attention: DecoderAttention, slots: Sequence[int]) -> tuple[AttentionShare, ...]:
    """Of the rows of some slots, say those that fired: each head of each decoder layer; nothing without slots."""
    return _shares(attention.weights[:, :, list(slots)], attention.parts) if slots else ()


def mean_shares(shares: Iterable[AttentionShare]) -> tuple[AttentionShare, ...]:
    """Of each layer and head, the mean over the windows whose shares are given one behind the other."""
    groups: dict[tuple[int, int | None], list[AttentionShare]] = {}
    for share in shares:
        groups.setdefault((share.layer, share.head), []).append(share)
    return tuple(_mean(group) for group in groups.values())


def layer_shares(shares: Iterable[AttentionShare]) -> tuple[AttentionShare, ...]:
    """Of each layer, the mean over heads and windows."""
    return mean_shares(replace(share, head=None) for share in shares)


def entropy(rows: Float[Tensor, "*any L"]) -> Float[Tensor, "*any"]:
    """In nats, of rows that sum to 1; log L where they are even, 0 where one token gets all."""
    return torch.special.entr(rows.double()).sum(-1)


def share_on_objects(maps: Float[Tensor, "*any h w"], masks: Bool[Tensor, "M H W"]) -> Float[Tensor, "*any"]:
    """Which share of a map's attention lies on the objects; that of an even map is the share of the frame they cover.

    Cells count with the part of them that is covered. 0 where there are no objects.
    """
    covered = functional.adaptive_avg_pool2d(masks.any(0).double()[None], maps.shape[-2:]).flatten()
    return (_alone(maps.flatten(-2)) * covered).sum(-1)


def _shares(rows: Float[Tensor, "S heads rows L"], parts: TokenParts) -> tuple[AttentionShare, ...]:
    heads = rows.shape[1]
    spread = floats(entropy(rows).mean(-1).flatten())
    target, reference, audio = (
        floats(rows[..., part].double().sum(-1).mean(-1).flatten())
        for part in (parts.target, parts.reference, parts.audio)
    )
    return tuple(
        AttentionShare(
            index // heads, index % heads, target[index], reference[index], audio[index],
            parts.cells / parts.count, _of_even(spread[index], parts.count),
        )
        for index in range(len(spread))
    )  # fmt: skip


def _alone(rows: Float[Tensor, "*any L"]) -> Float[Tensor, "*any L"]:
    """Some columns of attention as if there were no others: rows sum to 1."""
    rows = rows.double()
    return rows / rows.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)


def _of_even(nats: float, keys: int) -> Entropy:
    return Entropy(nats, nats / math.log(keys) if keys > 1 else None)


def _mean(shares: Sequence[AttentionShare]) -> AttentionShare:
    return replace(
        shares[0],
        target=fmean(each.target for each in shares),
        reference=fmean(each.reference for each in shares),
        audio=fmean(each.audio for each in shares),
        target_if_even=fmean(each.target_if_even for each in shares),
        entropy=_mean_entropy([each.entropy for each in shares]),
        reference_entropy=_mean_of_those(each.reference_entropy for each in shares),
        reference_map_entropy=_mean_of_those(each.reference_map_entropy for each in shares),
    )


def _mean_entropy(found: Sequence[Entropy]) -> Entropy:
    shares = [each.of_even for each in found if each.of_even is not None]
    return Entropy(fmean(each.nats for each in found), fmean(shares) if shares else None)


def _mean_of_those(found: Iterable[Entropy | None]) -> Entropy | None:
    there = [each for each in found if each is not None]
    return _mean_entropy(there) if there else None

"""Where target, references and audio meet (section III-B; the study of fusion methods).

    RCF, method A   [target ; references ; audio] --encoder--> memory
    method B        [target ; audio] --encoder--+
                    each reference --encoder----+--> memory                its own weights, or those of the target's

The first H W tokens of the memory are the target's, in the order of its map.
"""

from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from rcf.model.attention import Encoder
from rcf.model.tokens import Tokens, joined


@runtime_checkable
class Fusion(Protocol):
    """Makes one memory of all tokens."""

    def __call__(self, target: Tokens, references: Tokens, audio: Tokens, groups: int) -> Tokens:
        """Memory for the decoder; `references` consist of `groups` equal parts."""
        ...


class TokenTypes(nn.Module):
    """A learned vector for each kind of token, added to its position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(3, width)

    def forward(self, *kinds: Tokens) -> tuple[Tokens, ...]:
        """Target, reference and audio tokens, in this order."""
        vectors = self.vectors.weight
        return tuple(
            Tokens(each.contents, each.positions + vectors[index], each.ignore) for index, each in enumerate(kinds)
        )


class NoTokenTypes(nn.Module):
    """Tokens say by their contents alone what they are."""

    def forward(self, *kinds: Tokens) -> tuple[Tokens, ...]:
        """As they came."""
        return kinds


class JoinInEncoder(nn.Module):
    """One encoder over everything: RCF with few reference tokens, method A with all of them."""

    def __init__(self, encoder: Encoder, types: TokenTypes | NoTokenTypes) -> None:
        super().__init__()
        self.encoder = encoder
        self.types = types

    def forward(self, target: Tokens, references: Tokens, audio: Tokens, groups: int) -> Tokens:
        """Fused tokens."""
        return _encoded(self.encoder, joined(*cast("tuple[Tokens, ...]", self.types(target, references, audio))))


class JoinInDecoder(nn.Module):
    """The target does not see the references before the decoder does (method B)."""

    def __init__(self, encoder: Encoder, reference_encoder: Encoder, types: TokenTypes | NoTokenTypes) -> None:
        super().__init__()
        self.encoder = encoder
        self.reference_encoder = reference_encoder
        """May be `encoder` itself: then both share their weights."""
        self.types = types

    def forward(self, target: Tokens, references: Tokens, audio: Tokens, groups: int) -> Tokens:
        """The target's fused tokens, then each reference's own."""
        target, references, audio = cast("tuple[Tokens, Tokens, Tokens]", self.types(target, references, audio))
        here = _encoded(self.encoder, joined(target, audio))
        if references.contents.shape[1] == 0:
            return here
        return joined(here, _encoded_apart(self.reference_encoder, references, groups))


def _encoded(encoder: Encoder, tokens: Tokens) -> Tokens:
    return Tokens(encoder(tokens.contents, tokens.positions, tokens.ignore), tokens.positions, tokens.ignore)


def _encoded_apart(encoder: Encoder, tokens: Tokens, groups: int) -> Tokens:
    """Each of the `groups` parts through the encoder by itself."""
    count, length, width = tokens.contents.shape

    def split(values: Tensor) -> Tensor:
        whole = values.expand(count, *values.shape[1:])
        return whole.reshape(count * groups, length // groups, *values.shape[2:])

    ignore: Bool[Tensor, "M l"] | None = None if tokens.ignore is None else split(tokens.ignore)
    contents: Tensor = encoder(split(tokens.contents), split(tokens.positions), ignore)
    return Tokens(torch.reshape(contents, (count, length, width)), tokens.positions, tokens.ignore)

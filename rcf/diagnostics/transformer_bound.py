"""Lipschitz bounds of the fusion encoder and of the instance decoder (post-norm layers), composed layer by layer.

    Growth(whole, longest)     constants from the window to all tokens: in their 2-norm, and in that of the longest one
    layer                      norm x (1 + attention), norm x (1 + feed-forward)
    tokens behind a LayerNorm  are no longer than its gain times sqrt D: that bounds attention from the second layer on

What each layer adds depends on the number of tokens in one norm and not in the other; both are carried to the end, and
the smaller result counts.
"""

from dataclasses import dataclass
from typing import cast

from torch import nn

from rcf.diagnostics import attention_bound as attention
from rcf.diagnostics.attention_bound import Reach
from rcf.diagnostics.layer_constants import layer_constant, normalised_reach
from rcf.diagnostics.magnitudes import ZERO, Magnitude, product
from rcf.model.attention import Decoder, DecoderLayer, Encoder, EncoderLayer, Residual
from rcf.tensors import lengths


@dataclass(frozen=True, slots=True)
class Growth:
    """How much tokens move with the window."""

    whole: Magnitude
    """All tokens together, 2-norm."""
    longest: Magnitude
    """The token that moves most."""

    def __mul__(self, factor: Magnitude) -> "Growth":
        """Behind a layer that acts on each token by itself."""
        return Growth(self.whole * factor, self.longest * factor)

    def least(self, tokens: int) -> Magnitude:
        """All of `tokens` tokens together, by the better way."""
        return min(self.whole, self.longest * tokens**0.5)


@dataclass(frozen=True, slots=True)
class TokensBound:
    """What is known of a sequence of tokens."""

    growth: Growth
    reach: Magnitude
    """No token is longer."""
    places: Magnitude
    """Nor any position that is added to them."""
    count: int

    @property
    def placed(self) -> Magnitude:
        """No token with its position is longer."""
        return self.reach + self.places


def encoded(encoder: Encoder, tokens: TokensBound) -> list[TokensBound]:
    """Behind each layer."""
    found: list[TokensBound] = []
    for layer in encoder.layers:
        tokens = _encoder_layer(cast(EncoderLayer, layer), tokens)
        found.append(tokens)
    return found


def _encoder_layer(layer: EncoderLayer, tokens: TokensBound) -> TokensBound:
    growth = _attended(layer.attention, layer.after_attention, tokens)
    growth = growth * _fed(layer.feedforward) * layer_constant(layer.after_feedforward.norm, ())
    return TokensBound(growth, normalised_reach(layer.after_feedforward.norm), tokens.places, tokens.count)


def decoded(decoder: Decoder, memory: TokensBound) -> list[TokensBound]:
    """The codes behind each layer, and at last behind the final norm. They start as zeros, which do not move."""
    slots = lengths(decoder.slots.weight.detach().double(), 1)
    codes = TokensBound(Growth(ZERO, ZERO), ZERO, Magnitude(float(slots.max().log10())), len(slots))
    found: list[TokensBound] = []
    for layer in decoder.layers:
        codes = _decoder_layer(cast(DecoderLayer, layer), codes, memory)
        found.append(codes)
    norm = decoder.norm
    last = TokensBound(codes.growth * layer_constant(norm, ()), normalised_reach(norm), codes.places, codes.count)
    return [*found, last]


def _decoder_layer(layer: DecoderLayer, codes: TokensBound, memory: TokensBound) -> TokensBound:
    growth = _attended(layer.self_attention, layer.after_self, codes)
    asking = normalised_reach(layer.after_self.norm) + codes.places
    reach = Reach(memory.reach, memory.placed, asking)
    norms = attention.norms_of(layer.cross_attention)
    own = 1.0 + attention.to_queries(norms, reach)
    seen = attention.to_memory(norms, reach, codes.count)
    seen_by_token = attention.to_memory_by_token(norms, reach)
    norm = layer_constant(layer.after_cross.norm, ())
    growth = Growth(
        (growth.whole * own + memory.growth.whole * seen) * norm,
        (growth.longest * own + memory.growth.longest * seen_by_token) * norm,
    )
    growth = growth * _fed(layer.feedforward) * layer_constant(layer.after_feedforward.norm, ())
    return TokensBound(growth, normalised_reach(layer.after_feedforward.norm), codes.places, codes.count)


def _attended(weights: nn.MultiheadAttention, after: Residual, tokens: TokensBound) -> Growth:
    """Behind self-attention, its residual and its norm."""
    reach, norms = Reach(tokens.reach, tokens.placed, tokens.placed), attention.norms_of(weights)
    norm = layer_constant(after.norm, ())
    return Growth(
        tokens.growth.whole * (1.0 + attention.of_itself(norms, reach, tokens.count)) * norm,
        tokens.growth.longest * (1.0 + attention.of_itself_by_token(norms, reach)) * norm,
    )


def _fed(feedforward: nn.Sequential) -> Magnitude:
    """1 + the feed-forward layers, for what goes around them."""
    return 1.0 + product(layer_constant(layer, ()) for layer in feedforward)

"""Boxes "transformer encoder" and "transformer decoder": post-norm layers, positions re-added in each (DETR style).

encoder   tokens N L D --(self-attention, feed-forward) x layers--> fused tokens N L D      padding is never looked at
decoder   queries Q D, fused tokens --(self-attention, cross-attention, feed-forward) x layers--> S N Q D
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rcf.config import AttentionConfig


class Residual(nn.Module):
    """Add what a sub-layer says to its input, then normalise (post-norm)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Float[Tensor, "N L D"], change: Float[Tensor, "N L D"]) -> Float[Tensor, "N L D"]:
        """norm(tokens + dropout(change))."""
        return self.norm(tokens + self.dropout(change))


class FeedForward(nn.Sequential):
    """Two linear layers with ReLU."""

    def __init__(self, width: int, config: AttentionConfig) -> None:
        inner = config.feedforward
        super().__init__(nn.Linear(width, inner), nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(inner, width))


def _attention(width: int, config: AttentionConfig) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(width, config.heads, dropout=config.dropout, batch_first=True)


def _spread(layers: nn.Module) -> None:
    """Xavier for all matrices, as DETR and MaskFormer start their transformers."""
    for weight in layers.parameters():
        if weight.dim() > 1:
            nn.init.xavier_uniform_(weight)


class EncoderLayer(nn.Module):
    """Self-attention over target and reference tokens together: here the context is fused."""

    def __init__(self, width: int, config: AttentionConfig) -> None:
        super().__init__()
        self.attention = _attention(width, config)
        self.feedforward = FeedForward(width, config)
        self.after_attention = Residual(width, config.dropout)
        self.after_feedforward = Residual(width, config.dropout)

    def forward(
        self,
        tokens: Float[Tensor, "N L D"],
        positions: Float[Tensor, "n L D"],
        ignore: Bool[Tensor, "N L"] | None = None,
    ) -> Float[Tensor, "N L D"]:
        """One layer."""
        placed = tokens + positions
        change, _ = self.attention(placed, placed, tokens, key_padding_mask=ignore, need_weights=False)
        tokens = self.after_attention(tokens, change)
        return self.after_feedforward(tokens, self.feedforward(tokens))


class Encoder(nn.Module):
    """The fusion encoder (section III-B)."""

    def __init__(self, width: int, config: AttentionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, config) for _ in range(config.layers))
        _spread(self.layers)

    def forward(
        self,
        tokens: Float[Tensor, "N L D"],
        positions: Float[Tensor, "n L D"],
        ignore: Bool[Tensor, "N L"] | None = None,
    ) -> Float[Tensor, "N L D"]:
        """Fused tokens; those that `ignore` marks are seen by no other."""
        for layer in self.layers:
            tokens = layer(tokens, positions, ignore)
        return tokens


class DecoderLayer(nn.Module):
    """Queries look at one another, then at the fused tokens."""

    def __init__(self, width: int, config: AttentionConfig) -> None:
        super().__init__()
        self.self_attention = _attention(width, config)
        self.cross_attention = _attention(width, config)
        self.feedforward = FeedForward(width, config)
        self.after_self = Residual(width, config.dropout)
        self.after_cross = Residual(width, config.dropout)
        self.after_feedforward = Residual(width, config.dropout)

    def forward(
        self,
        codes: Float[Tensor, "N Q D"],
        slots: Float[Tensor, "1 Q D"],
        memory: Float[Tensor, "N L D"],
        keys: Float[Tensor, "N L D"],
        ignore: Bool[Tensor, "N L"] | None = None,
    ) -> Float[Tensor, "N Q D"]:
        """One layer; `slots` are the learned positions of the queries, `keys` the memory with its positions."""
        placed = codes + slots
        change, _ = self.self_attention(placed, placed, codes, need_weights=False)
        codes = self.after_self(codes, change)
        placed = codes + slots
        change, _ = self.cross_attention(placed, keys, memory, key_padding_mask=ignore, need_weights=False)
        codes = self.after_cross(codes, change)
        return self.after_feedforward(codes, self.feedforward(codes))


class Decoder(nn.Module):
    """The instance decoder (section III-C): N learned queries, zero contents at the start, a norm at the end."""

    def __init__(self, width: int, queries: int, config: AttentionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(width, config) for _ in range(config.layers))
        _spread(self.layers)
        self.norm = nn.LayerNorm(width)
        # Drawn last, so that another number of queries does not shift the weights of the layers.
        self.slots = nn.Embedding(queries, width)

    def forward(
        self,
        memory: Float[Tensor, "N L D"],
        positions: Float[Tensor, "n L D"],
        ignore: Bool[Tensor, "N L"] | None = None,
    ) -> Float[Tensor, "S N Q D"]:
        """Instance codes after each layer."""
        slots = self.slots.weight[None]
        codes = torch.zeros_like(slots).expand(memory.shape[0], -1, -1)
        keys = memory + positions
        outputs: list[Tensor] = []
        for layer in self.layers:
            codes = layer(codes, slots, memory, keys, ignore)
            outputs.append(self.norm(codes))
        return torch.stack(outputs)

"""Weights of attention by whose tokens look and whose are looked at (figures 4, 8 and 10).

    encoder   [ target h w ; references, in groups ; sounds ]     all look at all          weights S heads L L
    decoder   the same memory; references last with method B      instance slots look      weights S heads Q L

    "a to b": rows (queries) of a, columns (keys) of b. A map over the target is what its cells get from the rows of a:
    target_to_target     mean over the target's rows           S heads h w      figure 4 (c)
    reference_to_target  mean over the references' rows        S heads h w      figures 4 (c) and 8
    audio_to_target      row of the target's own sound         S heads h w      figure 10
    The other way round, how much each place of the target takes: target_to_reference, target_to_audio.

S counts the layers of an encoder or a decoder here, the first one first. The paper does not say whether its maps are
read by rows or by columns; "sharper in the instance region" is said of maps over the target, so they are its columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenParts:
    """Whose the tokens of a sequence are. The target's cells come first."""

    height: int
    width: int
    """Of the target's map, in cells."""
    references: int = 0
    """Reference tokens; none where references join later, or where there are no reference frames."""
    sounds: int = 0
    """Audio tokens; the last of them belongs to the target."""
    groups: int = 1
    """Equal parts of the reference tokens, oldest first: one a reference frame, or one for all that were merged."""
    references_last: bool = False
    """Whether the references stand behind the sounds (the memory of method B) or before them."""

    @property
    def cells(self) -> int:
        """Tokens of the target."""
        return self.height * self.width

    @property
    def count(self) -> int:
        """All tokens."""
        return self.cells + self.references + self.sounds

    @property
    def target(self) -> slice:
        """Where the target's tokens stand."""
        return slice(0, self.cells)

    @property
    def reference(self) -> slice:
        """Where the references' tokens stand."""
        first = self.cells + (self.sounds if self.references_last else 0)
        return slice(first, first + self.references)

    @property
    def audio(self) -> slice:
        """Where the sounds' tokens stand."""
        first = self.cells + (0 if self.references_last else self.references)
        return slice(first, first + self.sounds)

    def without_references(self) -> "TokenParts":
        """The same tokens where the references are not among them."""
        return TokenParts(self.height, self.width, 0, self.sounds)

    def as_maps(self, rows: Float[Tensor, "*any cells"]) -> Float[Tensor, "*any h w"]:
        """Values of the target's cells as maps."""
        return rows.unflatten(-1, (self.height, self.width))


@dataclass(frozen=True, slots=True, eq=False)
class EncoderAttention:
    """Attention in the target's pass through the encoder."""

    weights: Float[Tensor, "S heads L L"]
    """How much the token of the row looks at that of the column; rows sum to 1."""
    parts: TokenParts

    def target_to_target(self) -> Float[Tensor, "S heads h w"]:
        """How much each place of the target is looked at by the target, mean over its places."""
        return self._onto_target(self.parts.target).mean(2)

    def reference_to_target(self) -> Float[Tensor, "S heads h w"]:
        """Where the references look in the target, mean over their tokens. Raises ValueError where none are here."""
        return self.each_reference_to_target().mean(2)

    def each_reference_to_target(self) -> Float[Tensor, "S heads groups h w"]:
        """The same for each group of reference tokens. Raises ValueError where there are none in the encoder."""
        if not self.parts.references:
            raise ValueError("expected reference tokens in the encoder, got none: no frames, or they join later")
        return self._onto_target(self.parts.reference).unflatten(2, (self.parts.groups, -1)).mean(3)

    def audio_to_target(self) -> Float[Tensor, "S heads h w"]:
        """Where the sound at the target looks in it. Raises ValueError where nobody listens."""
        if not self.parts.sounds:
            raise ValueError("expected audio tokens, got none: a network that does not listen")
        return self._onto_target(self.parts.audio)[:, :, -1]

    def target_to_reference(self) -> Float[Tensor, "S heads h w"]:
        """How much each place of the target looks at the references; 0 where there are none."""
        return self._from_target(self.parts.reference)

    def target_to_audio(self) -> Float[Tensor, "S heads h w"]:
        """How much each place of the target looks at the sounds; 0 where there are none."""
        return self._from_target(self.parts.audio)

    def _onto_target(self, rows: slice) -> Float[Tensor, "S heads rows h w"]:
        return self.parts.as_maps(self.weights[:, :, rows, self.parts.target])

    def _from_target(self, columns: slice) -> Float[Tensor, "S heads h w"]:
        return self.parts.as_maps(self.weights[:, :, self.parts.target, columns].sum(-1))


@dataclass(frozen=True, slots=True, eq=False)
class DecoderAttention:
    """Cross-attention of the decoder: where in the fused tokens each instance slot looks."""

    weights: Float[Tensor, "S heads Q L"]
    """Rows sum to 1."""
    parts: TokenParts

    def slots_to_target(self, slots: Sequence[int]) -> Float[Tensor, "S heads M h w"]:
        """Where each of M slots looks in the target."""
        return self.parts.as_maps(self.weights[:, :, list(slots), self.parts.target])

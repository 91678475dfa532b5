"""Box "audio": placeholder until the audio branch lands."""

from jaxtyping import Float
from torch import Tensor, nn

from rcf.config import AudioConfig
from rcf.model.tokens import Tokens


class NoAudio(nn.Module):
    """A network that does not listen: no feature, no tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def describe(self, patches: Float[Tensor, "N A E"]) -> Float[Tensor, "N 0"]:
        """Nothing."""
        return patches.new_zeros(patches.shape[0], 0)

    def tokens(self, heard: Float[Tensor, "N W V"]) -> Tokens:
        """Zero tokens."""
        empty = heard.new_zeros(heard.shape[0], 0, self.width)
        return Tokens(empty, empty[:1])


class AudioTokens(nn.Module):
    def describe(self, patches: Float[Tensor, "N A E"]) -> Float[Tensor, "N V"]:
        raise NotImplementedError

    def tokens(self, heard: Float[Tensor, "N W V"]) -> Tokens:
        raise NotImplementedError


def audio_part(config: AudioConfig, width: int) -> AudioTokens | NoAudio:
    assert config.features == "none"
    return NoAudio(width)

from torch import Tensor, nn

class DropPath(nn.Module):
    drop_prob: float

class LayerNorm2d(nn.LayerNorm):
    def __init__(self, num_channels: int) -> None: ...
    def forward(self, input: Tensor) -> Tensor: ...

from torch import Tensor, nn

class WindowAttention(nn.Module):
    def __call__(self, x: Tensor, mask: Tensor | None = None) -> Tensor: ...

class SwinTransformerV2Block(nn.Module):
    window_size: tuple[int, int]
    target_shift_size: tuple[int, int]
    attn: WindowAttention

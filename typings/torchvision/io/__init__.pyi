from enum import Enum

from torch import Tensor

class ImageReadMode(Enum):
    RGB = 3

def decode_image(input: Tensor, mode: ImageReadMode = ..., apply_exif_orientation: bool = ...) -> Tensor: ...

"""Typed adapter over the few functions of torch and safetensors whose own signatures lack a type.

    Tensor --> list[int] | list[float];   ndarray --> Tensor;   seeds;   tensor files

Every ignore below names one rule and stands for one missing annotation upstream; callers stay strict.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def integers(tensor: Tensor) -> list[int]:
    """A 1-D integer tensor as a list."""
    return cast("list[int]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]


def pairs(tensor: Tensor) -> list[tuple[int, int]]:
    """An N x 2 integer tensor as a list of pairs; from a GPU, one copy instead of one for each number."""
    rows = cast("list[list[int]]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]
    return [(first, second) for first, second in rows]


def floats(tensor: Tensor) -> list[float]:
    """A 1-D float tensor as a list."""
    return cast("list[float]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]


def booleans(tensor: Tensor) -> list[bool]:
    """A 1-D boolean tensor as a list."""
    return cast("list[bool]", tensor.tolist())  # pyright: ignore[reportUnknownMemberType]


def from_numpy(array: NDArray[np.generic]) -> Tensor:
    """A tensor that shares the array's memory."""
    return torch.from_numpy(array)  # pyright: ignore[reportUnknownMemberType]


def spectrum(windows: Tensor, length: int) -> Tensor:
    """Fourier transform of the last axis, padded with zeros to `length`: its length // 2 + 1 complex amplitudes."""
    return cast(Tensor, torch.fft.rfft(windows, n=length))  # pyright: ignore[reportUnknownMemberType]


def seed_globally(seed: int) -> None:
    """Seed torch's global generators, the source of dropout."""
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Seed the CPU's global generator inside the block, and leave it as it was outside."""
    state = torch.get_rng_state()
    try:
        seed_globally(seed)
        yield
    finally:
        torch.set_rng_state(state)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file."""
    return safetensors.torch.load_file(path)  # pyright: ignore[reportUnknownMemberType]


class _TensorFile(Protocol):
    def keys(self) -> list[str]: ...
    def get_slice(self, name: str) -> "_Slice": ...
    def metadata(self) -> dict[str, str] | None: ...


class _Slice(Protocol):
    def get_shape(self) -> list[int]: ...


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a safetensors file, read from its header alone."""
    with safetensors.safe_open(path, framework="pt") as opened:  # pyright: ignore[reportUnknownVariableType]
        file = cast(_TensorFile, opened)
        names = file.keys()
        return {name: tuple(file.get_slice(name).get_shape()) for name in names}


def read_header(path: Path) -> dict[str, str]:
    """The texts that were put into the header of a safetensors file."""
    with safetensors.safe_open(path, framework="pt") as opened:  # pyright: ignore[reportUnknownVariableType]
        return cast(_TensorFile, opened).metadata() or {}


def save_tensors(tensors: Mapping[str, Tensor], path: Path, header: dict[str, str] | None = None) -> None:
    """Write a safetensors file. It refuses channels_last and aliases, so contiguous copies on the CPU are written."""
    safetensors.torch.save_file(  # pyright: ignore[reportUnknownMemberType]
        {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, path, header
    )
    # It makes a file that nobody else may read; who may look into the folder is to see the weights too.
    path.chmod(path.parent.stat().st_mode & 0o666)


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name; they share memory with the module."""
    return cast("dict[str, Tensor]", module.state_dict())


def spectral_norm(matrices: Tensor) -> Tensor:
    """The largest singular value of each real matrix (the last two axes).

    From the smaller Gram matrix, several times as fast as all singular values: the largest one loses no digits by it.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    gram = matrices @ matrices.mT if wide else matrices.mT @ matrices
    return eigenvalues(gram)[..., -1].clamp(min=0).sqrt()


def frobenius_norm(matrices: Tensor) -> Tensor:
    """The root of the sum of the squares of each matrix."""
    return cast(Tensor, torch.linalg.matrix_norm(matrices))  # pyright: ignore[reportUnknownMemberType]


def lengths(vectors: Tensor, axis: int) -> Tensor:
    """The 2-norm along one axis."""
    return cast(Tensor, torch.linalg.vector_norm(vectors, dim=axis))  # pyright: ignore[reportUnknownMemberType]


def length(tensor: Tensor) -> float:
    """The 2-norm of all entries."""
    return float(cast(Tensor, torch.linalg.vector_norm(tensor)))  # pyright: ignore[reportUnknownMemberType]


def eigenvalues(matrices: Tensor) -> Tensor:
    """Of each symmetric or Hermitian matrix, ascending."""
    return cast(Tensor, torch.linalg.eigvalsh(matrices))  # pyright: ignore[reportUnknownMemberType]


def singular_vectors(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, the singular values from the largest on, V'."""
    return cast("tuple[Tensor, Tensor, Tensor]", torch.linalg.svd(matrix))  # pyright: ignore[reportUnknownMemberType]


def spectrum_of_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Fourier transform of the last two axes, padded with zeros to `size`."""
    return cast(Tensor, torch.fft.fft2(maps, s=size))  # pyright: ignore[reportUnknownMemberType]


def surprise(shares: Tensor) -> Tensor:
    """- p ln p of each entry p, and 0 where p is 0; summed over a distribution, its entropy in nats."""
    return cast(Tensor, torch.special.entr(shares))  # pyright: ignore[reportUnknownMemberType]


def chunks(tensor: Tensor, size: int) -> tuple[Tensor, ...]:
    """Parts of at most `size` entries along the first axis."""
    return cast("tuple[Tensor, ...]", tensor.split(size))  # pyright: ignore[reportUnknownMemberType]

"""What must not occur twice, in a table of a few bytes an entry.

add(128 bits of it) ... --sorted at the end--> repeated(): (place of a repetition, place of the first)
"""

import hashlib
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class Distinct:
    """Values in the order of their coming, as 16 bytes each: a million are 16 MB, where a set of texts needs 150."""

    def __init__(self) -> None:
        self._digests = array("Q")

    def __len__(self) -> int:
        return len(self._digests) // 2

    def add(self, value: str | int) -> None:
        """The next one. Texts are kept as 128 bits of their BLAKE2: two texts with the same are not to be found."""
        if isinstance(value, int):
            self._digests.frombytes(value.to_bytes(16, "little", signed=True))
        else:
            text = value.encode("utf-8", "surrogatepass")
            self._digests.frombytes(hashlib.blake2b(text, digest_size=16).digest())

    def repeated(self) -> Iterator[tuple[int, int]]:
        """(which one was there before, which one that was), in the order of coming, counted from 0."""
        if not len(self):
            return
        pairs: NDArray[np.uint64] = np.frombuffer(self._digests, dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))  # stable: equal ones stay in the order of coming
        same = (pairs[order[1:]] == pairs[order[:-1]]).all(axis=1)
        starts = np.concatenate(([True], ~same))
        firsts = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
        later = np.flatnonzero(~starts)
        found = sorted((int(order[place]), int(order[firsts[place]])) for place in later)
        yield from found

"""One integer per seed index, split into named, independent random streams.

    seed --> SeedSequence --> init | data | augment | dropout | ...

Adding a stream never shifts another one, and arms share seeds, so comparisons are paired.
"""

import hashlib

import numpy as np


def stream_seed(seed: int, stream: str) -> int:
    """A 63-bit integer for `stream`, e.g. for `torch.Generator.manual_seed`; equal on all machines."""
    digest = hashlib.sha256(f"rcf/{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, name: str, *position: int) -> np.random.Generator:
    """A numpy generator for stream `name` at `position` (say, the step): random access, so a resume needs no state."""
    return np.random.default_rng(np.random.SeedSequence([stream_seed(seed, name), *position]))

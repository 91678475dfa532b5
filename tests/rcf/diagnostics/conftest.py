"""A small data set of synthetic clips for diagnostics that pass over videos."""

import pytest

from rcf.config import SyntheticConfig
from rcf.data.annotations import load_annotations
from rcf.data.layout import find_split
from rcf.data.synthetic import write_synthetic
from rcf.data.ytvis import VideoDataset


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> VideoDataset:
    """Three clips of four frames, 32 x 48."""
    root = tmp_path_factory.mktemp("clips")
    write_synthetic(root, SyntheticConfig(train_clips=1, val_clips=3, frames=4))
    annotations, frames = find_split(root, "val")
    return VideoDataset(load_annotations(annotations, frames), frames, 32, 48)

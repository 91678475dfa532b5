"""The network of every arm, at the paper's widths and input size, without its memory: on the meta device."""

from typing import Any

import torch

from rcf.config import RcfConfig
from rcf.model import build_network


def test_the_network_of_an_arm_builds_and_answers_at_its_own_size(arm: dict[str, Any]) -> None:
    config = RcfConfig.model_validate(arm)
    # The shapes are asked for, not the numbers; no weights are loaded.
    backbone = config.model.backbone.model_copy(update={"weights": "none"})
    references = config.model.reference.frames
    height, width = config.input.height, config.input.width
    with torch.device("meta"):
        network = build_network(config.model.model_copy(update={"backbone": backbone}), categories=40, seed=0)
        answer = network(torch.zeros(1, references + 1, 3, height, width, dtype=torch.uint8))
    assert answer.classes.shape[1:] == (1, config.model.queries, 41)
    assert answer.masks.shape[1:] == (1, config.model.queries, height // 4, width // 4)

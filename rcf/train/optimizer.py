"""AdamW in three groups and the polynomial schedule (appendix X).

backbone: lr x multiplier | rest: lr | norms, biases and embeddings: no weight decay     lr grows with the batch
"""

from torch import nn
from torch.optim import AdamW

from rcf.config import TrainingConfig
from rcf.model.network import RCF


def build_optimizer(network: RCF, config: TrainingConfig) -> AdamW:
    """AdamW over all trainable parameters; each group keeps its own peak in `peak_lr`."""
    embeddings = {
        id(weight) for module in network.modules() if isinstance(module, nn.Embedding) for weight in module.parameters()
    }
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            decays = weight.dim() > 1 and id(weight) not in embeddings
            groups.setdefault((name.startswith("backbone."), decays), []).append(weight)
    return AdamW(
        [
            {
                "params": weights,
                "weight_decay": config.weight_decay if decays else 0.0,
                "peak_lr": peak_lr(config) * (config.backbone_lr_multiplier if backbone else 1.0),
            }
            for (backbone, decays), weights in groups.items()
        ],
        lr=peak_lr(config),
        foreach=False,
    )


def peak_lr(config: TrainingConfig) -> float:
    """The largest learning rate of the heads: `lr`, in proportion to the batch where `lr_batch` says what it is for."""
    return config.lr * config.clips_per_step / config.lr_batch if config.lr_batch else config.lr


def rate(step: int, config: TrainingConfig) -> float:
    """Share of the peak learning rate at `step` (0-based): linear warm-up, then (1 - step / steps) ** power."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return warm * (1 - step / config.steps) ** config.poly_power


def set_rate(optimizer: AdamW, share: float) -> None:
    """Set every group's learning rate to `share` of its peak."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * share

"""Online step of RCF: against its bare backbone, in bf16 against float32, and against MaskFormer of Hugging Face.

    python benchmarks/online_step.py [--repeats N] [--threads N] [--force]

ResNet-50, 640 x 360, random weights (speed does not depend on them). Budgets of the project: push at most 2.1 times the
backbone at the paper's widths, 1.35 with width 64; bf16 at most 0.5 times float32 where the CPU has units for it
(--force measures it without them); faster than MaskFormer with the same backbone, frame size and number of queries.
"""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from _timing import Clock, interleaved, options, versus

from rcf.config import BackboneConfig, EvaluationConfig, FrameSizeConfig, MaskConfig, ModelConfig
from rcf.model import build_network
from rcf.model.network import RCF
from rcf.streaming import OnlineSegmenter

HEIGHT, WIDTH, QUERIES = 360, 640, 10
_MASKS = {"paper widths (256)": MaskConfig(), "mask and FPN width 64": MaskConfig(fpn_width=64, filter_width=64)}
_PHASES = ("backbone", "fusion", "decoder", "pixels", "head")
_UNITS = ("avx512_bf16", "amx_bf16", "bf16")


def _network(mask: MaskConfig) -> RCF:
    config = ModelConfig(backbone=BackboneConfig(name="resnet50"), mask=mask, queries=QUERIES)
    return build_network(config, categories=40, seed=0).to(memory_format=torch.channels_last)


def _segmenter(network: RCF) -> OnlineSegmenter:
    return OnlineSegmenter(network, FrameSizeConfig(height=HEIGHT, width=WIDTH), EvaluationConfig())


def _against_backbone(label: str, frame: torch.Tensor, repeats: int) -> None:
    network = _network(_MASKS[label])
    segmenter = _segmenter(network)
    found = interleaved(
        {"backbone": partial(network.backbone, frame[None]), "push": partial(segmenter.push, frame)}, repeats
    )
    push, bare = found["push"], found["backbone"]
    print(
        f"benchmark online_step: {label}: push {push.wall:.0f} ms, backbone {bare.wall:.0f} ms wall; "
        f"ratio {versus(push, bare)}"
    )


def _phases(frame: torch.Tensor, repeats: int) -> None:
    """Where the time of a push goes; what is in none of the boxes is resizing, windows, reading and identity."""
    network, clock = _network(MaskConfig()), Clock()
    segmenter = _segmenter(network)
    segmenter.push(frame)
    for name in _PHASES:
        clock.on(getattr(network, name), "forward", name)
    for level, smooth in enumerate(network.pixels.smooth):
        clock.on(smooth, "forward", f"pixels: 3x3 convolution at stride {4 << level}")
    for _ in range(repeats):
        with clock.inside("push"):
            segmenter.push(frame)
    whole = clock.spent.pop("push")
    clock.spent["the rest"] = whole - sum(clock.spent[name] for name in _PHASES)
    shares = ", ".join(f"{name} {100 * spent / whole:.1f} %" for name, spent in clock.spent.items())
    print(f"benchmark online_step: share of CPU time of a push: {shares}")


def _has_units() -> bool:
    """Whether the processor says that it multiplies bf16 itself."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text().split() if path.exists() else []
    return any(unit in flags for unit in _UNITS)


def _reduced(frame: torch.Tensor, repeats: int, *, force: bool) -> None:
    if not _has_units() and not force:
        wanted = ", ".join(_UNITS)
        print(f"benchmark online_step: bf16 not measured: this CPU names none of {wanted} (--force does it anyway)")
        return
    network = _network(MaskConfig())
    reduced = _network(MaskConfig()).to(torch.bfloat16)
    parts = {"float32": _segmenter(network), "bf16": _segmenter(reduced)}
    found = interleaved({name: partial(segmenter.push, frame) for name, segmenter in parts.items()}, repeats)
    print(
        f"benchmark online_step: bf16 {found['bf16'].wall:.0f} ms, float32 {found['float32'].wall:.0f} ms wall; "
        f"ratio {versus(found['bf16'], found['float32'])} (limit 0.5)"
    )


def _maskformer() -> Any:
    """MaskFormer with ResNet-50 from its configuration, or None where the package is not installed."""
    try:
        from transformers import DetrConfig, MaskFormerConfig, MaskFormerForInstanceSegmentation, ResNetConfig
    except ImportError:
        return None
    backbone = ResNetConfig(out_features=["stage1", "stage2", "stage3", "stage4"])
    config = MaskFormerConfig(
        backbone_config=backbone, decoder_config=DetrConfig(num_queries=QUERIES), num_labels=40, init_xavier_std=1.0
    )
    return MaskFormerForInstanceSegmentation(config).eval()


def _against_maskformer(frame: torch.Tensor, repeats: int) -> None:
    """Ours with all around it (resize, normalise, thresholds, identity), theirs the forward pass alone."""
    other = _maskformer()
    if other is None:
        print(
            "benchmark online_step: no MaskFormer to compare with. Install it: "
            "pip install --constraint constraints.txt --group benchmarks"
        )
        return
    segmenter = _segmenter(_network(MaskConfig()))
    picture = (frame[None].float() - 120) / 58
    parts = {"push": partial(segmenter.push, frame)}
    for name, layout in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)):
        model = copy.deepcopy(other).to(memory_format=layout)
        parts[name] = partial(model, pixel_values=picture.to(memory_format=layout))
    found = interleaved(parts, repeats)
    push = found.pop("push")
    name, fastest = min(found.items(), key=lambda item: item[1].cpu)
    print(
        f"benchmark online_step: push {push.wall:.0f} ms, MaskFormer ({name}, the faster layout) {fastest.wall:.0f} ms "
        f"wall; ratio {versus(push, fastest)} (limit 1.0)"
    )


@torch.inference_mode()
def main() -> None:
    """Print the ratios."""
    chosen = options(__doc__, repeats=9, force=False)
    print(f"benchmark online_step: ResNet-50, {WIDTH} x {HEIGHT}, {QUERIES} queries, {chosen.threads} threads")
    frame = torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8)
    for label in _MASKS:
        _against_backbone(label, frame, chosen.repeats)
    _phases(frame, chosen.repeats)
    _reduced(frame, chosen.repeats, force=chosen.force)
    _against_maskformer(frame, chosen.repeats)


if __name__ == "__main__":
    main()

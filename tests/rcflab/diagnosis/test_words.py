"""What the sentences say of planted findings, and that they claim no more."""

from typing import Any

import pytest

from rcf.diagnostics.attention_summary import AttentionSummary
from rcf.diagnostics.breakdown import FirstFires
from rcf.diagnostics.foretelling import CONTROL, PLAIN, Foretelling, Gain, Predictor
from rcf.diagnostics.magnitudes import magnitude
from rcf.diagnostics.network_bound import NetworkBound
from rcf.diagnostics.pair_gaps import MEASURES, PairGaps, SlotGaps
from rcf.diagnostics.prediction import Auc
from rcf.diagnostics.result import OrderResult, VideoOrder
from rcf.diagnostics.study import Study
from rcflab.diagnosis.words import certified, claim

JACOBIAN: Predictor = "Jacobian at t-1"
NOTHING = Foretelling({}, (), 0)


def foretelling(plain: tuple[float, float], control: tuple[float, float]) -> Foretelling:
    """Gains of the Jacobian over both plain scores and over the control, by their limits."""
    gains = [Gain(JACOBIAN, name, Auc(sum(plain) / 2, *plain, 9, 9)) for name in PLAIN]
    gains += [Gain(JACOBIAN, name, Auc(sum(control) / 2, *control, 9, 9)) for name in CONTROL]
    return Foretelling({JACOBIAN: Auc(0.7, 0.6, 0.8, 9, 9)}, tuple(gains), 18)


def study(**found: Any) -> Study:
    """With nothing in it but what is planted."""
    empty: dict[str, Any] = {
        "metrics": {}, "videos_digest": "", "order": OrderResult([]), "rules": (), "curve": (), "norms": (),
        "segments": (), "all_pairs": NOTHING, "judged": NOTHING, "bound": None, "unbounded": "no such layer",
        "bounded": frozenset({0}), "groups": (), "fires": FirstFires((), 0),
        "attention": AttentionSummary(0, (), (), ()),
    }  # fmt: skip
    order = found.get("order", empty["order"])
    return Study(**(empty | found | {"metrics": order.metrics()}))


def said(**found: Any) -> str:
    return " ".join(claim(study(**found)))


@pytest.mark.parametrize(
    ("plain", "control", "words", "not_words"),
    [
        ((0.1, 0.3), (0.1, 0.2), ["the argument is supported here", "beats one constant for all pairs too"], []),
        ((0.1, 0.3), (-0.1, 0.2), ["supported here", "But it does not beat one constant"], ["too:"]),
        ((-0.1, 0.3), (0.1, 0.2), ["is not supported by these pairs"], ["supported here", "one constant"]),
        ((-0.3, -0.1), (0.1, 0.2), ["is worse than a plain score", "not supported here"], ["one constant"]),
    ],
)
def test_the_argument_is_supported_only_where_both_plain_scores_are_beaten(
    plain: tuple[float, float], control: tuple[float, float], words: list[str], not_words: list[str]
) -> None:
    found = foretelling(plain, control)
    text = said(judged=found, all_pairs=found)
    assert all(each in text for each in words), text
    assert not any(each in text for each in not_words), text


def test_what_cannot_be_tested_says_why() -> None:
    assert "cannot be tested: no pair has all scores" in said()
    assert "cannot be tested: the order changed in all pairs, or in none" in said(all_pairs=Foretelling({}, (), 7))
    assert "no Lipschitz bound of this network: no such layer" in said()
    assert "nothing can be said of the order of slots" in said()


def pair(window: float, own: float | None) -> PairGaps:
    gaps = SlotGaps(0.5, 2.0, 2.0, own, own)
    return PairGaps(1, window, window, 2, dict.fromkeys(MEASURES, gaps))


def test_the_theorem_certifies_a_pair_below_its_threshold_and_none_of_another_size() -> None:
    # K d_in < d_self / 2: 0.70 and 0.71 against 1 / sqrt 2 with slots that are 1 apart (d_self = sqrt 2).
    half = 2**0.5
    gaps = [pair(0.70, half), pair(0.71, half), pair(0.0, half), pair(0.1, 0.0), pair(0.1, None)]
    videos = [VideoOrder(number, (), (each,), 0, 0) for number, each in enumerate(gaps)]
    one = NetworkBound(magnitude(1.0), magnitude(0.0), (), ())
    every = frozenset(range(5))
    found = study(order=OrderResult(videos), bound=one, bounded=every)
    assert certified(found) == (2, 4)
    assert "It certifies 2 of 4 pairs" in " ".join(claim(found))
    assert certified(study(order=OrderResult(videos), bound=one, bounded=frozenset({1}))) == (0, 1)


def test_no_pair_is_certified_without_a_bound() -> None:
    assert certified(study()) is None
    assert "certif" not in said()

"""Comparisons and tests as JSON, unrounded."""

from rcflab.comparison import Comparison, Comparisons
from rcflab.records import Json
from rcflab.stats.exact import ExactTest
from rcflab.stats.power import SeedsNeeded
from rcflab.stats.seeds import OverSeeds
from rcflab.stats.t_test import TTest
from rcflab.unit_tests import ArmTest


def comparisons_json(found: Comparisons) -> Json:
    """One baseline."""
    return {
        "metric": found.metric.key,
        "baseline": found.baseline,
        "videos": found.videos,
        "resamples": found.resamples,
        "dropped": found.dropped,
        "seed": found.seed,
        "family": found.family,
        "left_out": list(found.left_out),
        "equivalence_margin": found.margin,
        "categories": None if found.categories is None else found.categories.present,
        "rare_categories": [] if found.categories is None else list(found.categories.rare),
        "pooled": None
        if found.pooled is None
        else {
            "mean_square": found.pooled.mean_square,
            "df": found.pooled.df,
            "spread_ratio": found.pooled.spread_ratio if found.pooled.spread_ratio != float("inf") else None,
        },
        "far_below": [{"arm": arm, "seed": seed, "by": points} for arm, seed, points in found.far_below],
        "arms": [_comparison(each, found) for each in found.arms],
    }


def _comparison(each: Comparison, found: Comparisons) -> Json:
    return {
        "arm": each.arm,
        "n": each.n,
        "difference": each.estimate,
        "interval": None if each.interval is None else list(each.interval),
        "p": each.p,
        "p_holm": each.adjusted_p,
        "seed_variance": each.seed_part,
        "video_variance": each.video_part,
        "rare_categories_dominate": each.rare_categories_dominate,
        "correlation": each.correlation,
        "over_seeds": None if each.over_seeds is None else _over_seeds(each.over_seeds),
        "verdict": each.verdict.words(found.metric.digits),
    }


def _over_seeds(over: OverSeeds) -> Json:
    return {
        "sd": over.sd,
        "sd_limits": list(over.sd_limits),
        "effect_size": over.effect_size,
        "paired_t": _t_test(over.t),
        "sign_flip": _exact(over.sign_flip),
        "wilcoxon": _exact(over.wilcoxon),
        "power": {
            "seeds_for_this_gap": needed_json(over.needed),
            "least_gap": over.least_gap,
            "least_gap_any_seeds": over.floor,
        },
    }


def needed_json(needed: SeedsNeeded | None) -> Json:
    """Seeds; null for more than 10,000."""
    if needed is None:
        return None
    return {"seeds": needed.seeds, "at_least": needed.at_least, "at_most": needed.at_most}


def _exact(test: ExactTest | None) -> Json:
    """p is null where the test could not have rejected."""
    if test is None:
        return None
    return {"method": test.method, "n": test.n, "p": test.p if test.testable else None, "refusal": test.refusal}


def _t_test(found: TTest) -> Json:
    return {
        "estimate": found.estimate,
        "interval": list(found.interval()),
        "standard_error": found.standard_error,
        "df": found.df,
        "p": found.p,
        "units": [{"n": units.n, "mean": units.mean, "sd": units.sd} for units in found.units],
    }


def test_json(test: ArmTest) -> Json:
    """One arm of one asked test."""
    return {
        "arm": test.arm,
        "baseline": test.baseline,
        "unit": test.unit,
        "statistic": test.statistic.key,
        "paired": test.paired,
        "seeds": test.seeds,
        "reason": test.reason or None,
        "result": None if test.found is None else _t_test(test.found),
    }

"""Every rule says yes where the claim holds, and no where it does not."""

import numpy as np
import pytest

from replications.papers.continuous_diffusion_for_categorical_data import claims
from replications.papers.continuous_diffusion_for_categorical_data.study import STUDY
from replications.study import Curve, judge_records
from replications.study.testing import fake_records

SEEDS = 3
NAME = "continuous_diffusion_for_categorical_data"


def good() -> dict[str, dict[str, float]]:
    """Scalars under which every claim holds and every falsifier breaks it."""
    spacings = {"data_nll": 1.708, "data_entropy": 2.639, "score_error": 1e-13, "score_error_blind": 0.3,
                "entropy_integral": 1.713, "loss_end": 2.63}  # fmt: skip
    for n in (10, 20, 50, 200):
        spacings |= {
            f"nll_{a}_{n}": v for a, v in (("uniform", 2.3), ("rho8", 1.85), ("warped", 1.74), ("warped_rho8", 1.78))
        }
        spacings |= {f"se_{a}_{n}": 0.002 for a in ("uniform", "rho8", "warped", "warped_rho8")}
    spacings |= {"nll_warped_200": 1.709, "nll_heun_200": 1.707, "nll_heun_20": 1.64, "entropy_heun_20": 2.60}
    token = {
        "estimate_error": 0.01,
        "min_distance": 0.9,
        "row_norm": 1.0,
        "row_norm_start": 1.0,
        "row_norm_rise": 0.0,
        "unigram_tv": 0.1,
    }
    chain = {"nll": 1.30, "nll_train_only": 1.46, "entropy": 1.72, "nll_warped_50": 1.30, "nll_uniform_50": 1.70, "rotation": 0.9,
             "fit_r2": 0.995, "linearity": 0.03}  # fmt: skip
    knobs = {"nll warp": 1.73, "nll no warp": 2.05, "nll warp T 100": 2.02, "nll warp μ 1": 2.05}
    knobs |= {f"nll warp T {t}": 1.735 for t in (0.8, 0.9, 1.2, 1.5)} | {
        f"nll warp μ {m}": 1.735 for m in (0.05, 0.1, 0.2)
    }
    rivals = {f"nll_{a}_{n}": v for n in (10, 20) for a, v in (("gaussian", 1.74), ("simplex", 1.78))}
    rivals |= {f"se_{a}_{n}": 0.002 for n in (10, 20) for a in ("gaussian", "simplex")}
    return {
        "spacings": spacings, "knobs": knobs, "rivals": rivals,
        "token-ce-sphere": {**token, "unigram_tv": 0.03},
        "token-mse-sphere": {**token, "min_distance": 0.001},
        "token-ce-free": {**token, "row_norm": 3.0, "row_norm_rise": 0.01},
        "token-mse-free": {**token, "min_distance": 0.001},
        "token-ce-frozen": dict(token), "token-mse-frozen": dict(token),
        "chain": dict(chain),
        "chain-uniform": {**chain, "nll": 1.45, "nll_warped_50": 1.32},
        "chain-no-self": {**chain, "nll": 1.40}, "chain-thin": dict(chain), "chain-thin-no-self": {**chain, "nll": 1.40},
        "chain-renormalised": {**chain, "nll": 1.2, "entropy": 1.6}, "chain-clamped": {**chain, "nll": 1.2, "entropy": 1.6},
        "chain-timeless": {**chain, "nll": 1.6},
        "chain-d2": {**chain, "nll": 1.8}, "chain-d4": {**chain, "nll": 1.4}, "chain-d32": {**chain, "nll": 1.29},
        "chain-sigma-0.0001": {**chain, "nll": 1.31}, "chain-sigma-0.1": {**chain, "nll": 1.35},
        "chain-sigma-1": {**chain, "nll": 1.5, "rotation": 0.2},
        "text": {"nll": 2.2, "nll_many": 2.21, "nll γ 4": 2.0, "repeats": 0.02, "repeats γ 16": 0.05},
        "text-uniform": {"nll": 2.3, "nll_rho1": 2.6}, "text-no-self": {"nll": 2.4},
        "digits": {"tanh_error": 1e-13},
    }  # fmt: skip


# entropy and nll of each knob's values, the plain sampler last
GOOD_CURVES = {
    "knobs": {
        "score T": [(2.3, 1.2), (2.6, 1.5), (2.64, 1.73)], "initial σ": [(2.4, 1.3), (2.6, 1.52), (2.64, 1.73)],
        "softmax T": [(2.5, 1.55), (2.61, 1.66), (2.64, 1.73)], "nucleus": [(2.5, 1.6), (2.61, 1.68), (2.64, 1.73)],
    },
    "text": {"score T": [(2.6, 1.9), (2.75, 2.1), (2.8, 2.2)], "softmax T": [(2.6, 2.1), (2.75, 2.17), (2.8, 2.2)]},
}  # fmt: skip


def judge(scalars, points=GOOD_CURVES):
    rng = np.random.default_rng(0)  # p-values need a spread, and seeds that share it keep differences exact
    noise = 1 + 1e-4 * rng.standard_normal(SEEDS)
    records = fake_records(
        {c: {m: list(v * noise) for m, v in metrics.items()} for c, metrics in scalars.items()},
        curves={
            c: {k: [Curve(*map(list, zip(*p)), "entropy", "nll")] * SEEDS for k, p in named.items()}
            for c, named in points.items()
        },
    )
    return {entry.claim.id: entry for entry in judge_records(NAME, claims.CLAIMS, records)}


def test_ids_and_order():
    ids = [claim.id for claim in claims.CLAIMS]
    assert ids[:16] == [f"C{i}" for i in range(1, 17)]
    assert all(name.endswith("*") for name in ids[16:])


def test_all_hold_on_good_numbers():
    untested = {"C7", "C13", "C14", "C16"}
    for name, entry in judge(good()).items():
        assert str(entry.verdict) == ("not testable at this scale" if name in untested else "reproduced"), name
        assert entry.falsifier in (None, "broke the claim"), name


def test_good_numbers_are_metrics_of_the_study():
    conditions = STUDY.plan("laptop").conditions
    for condition, metrics in good().items():
        assert condition in conditions
        assert set(metrics) <= set(STUDY.metrics)


SPOILED = [
    ("C1", "spacings", {"score_error": 0.1}),
    ("C1", "token-ce-frozen", {"estimate_error": 0.2}),
    ("C1", "token-mse-frozen", {"estimate_error": 0.2}),
    ("C2", "token-mse-sphere", {"min_distance": 0.4}),
    ("C2", "token-mse-free", {"min_distance": 0.4}),
    ("C2", "token-ce-free", {"row_norm_rise": -0.01}),
    ("C2", "token-ce-free", {"row_norm": 1.1}),
    ("C2", "token-ce-sphere", {"min_distance": 0.1}),
    ("C2", "token-ce-free", {"unigram_tv": 0.001}),
    ("C3", "chain-uniform", {"nll_uniform_50": 1.35}),
    ("C3", "chain", {"nll_uniform_50": 1.5}),
    ("C4", "chain-thin", {"nll": 1.45}),
    ("C4", "chain-thin", {"nll_train_only": 1.38}),
    ("C4", "chain-no-self", {"nll": 1.25}),
    ("C4", "chain", {"nll_train_only": 1.38}),
    ("C5", "chain-d2", {"nll": 1.2}),
    ("C5", "chain-d32", {"nll": 1.0}),
    ("C6", "chain-sigma-1", {"nll": 1.2}),
    ("C6", "chain-sigma-1", {"rotation": 0.95}),
    ("C8", "chain-renormalised", {"nll": 1.4}),
    ("C8", "chain-clamped", {"nll": 1.4}),
    ("C8", "chain-renormalised", {"entropy": 1.75}),
    ("C8", "chain-clamped", {"entropy": 1.75}),
    ("C9", "knobs", {"nll warp μ 0.1": 1.9}),
    ("C9", "knobs", {"nll warp T 1.5": 1.6}),
    ("C10", "spacings", {"nll_warped_200": 1.80}),
    ("C10", "spacings", {"nll_heun_200": 1.60}),
    ("C10", "spacings", {"nll_heun_20": 1.72}),
    ("C10", "spacings", {"entropy_heun_20": 2.65}),
    ("C11", "spacings", {"nll_rho8_20": 1.742}),
    ("C11", "spacings", {"nll_uniform_10": 1.852}),
    ("C11", "spacings", {"nll_rho8_50": 2.1}),
    ("C11", "spacings", {"nll_warped_rho8_50": 1.5}),
    ("C12", "text", {"nll γ 4": 2.5}),
    ("C12", "text", {"repeats γ 16": 0.01}),
    ("C15", "chain-timeless", {"nll": 1.32}),
    ("C3*", "chain-uniform", {"nll_warped_50": 1.65}),
    ("C3**", "chain", {"fit_r2": 0.9}),
    ("C3**", "chain", {"linearity": 0.2}),
    ("C10*", "spacings", {"entropy_integral": 1.9}),
    ("C16*", "rivals", {"nll_simplex_10": 1.741}),
    ("C16*", "rivals", {"nll_simplex_20": 1.70}),
    ("E7*", "text-uniform", {"nll_rho1": 2.1}),
    ("E7*", "text-no-self", {"nll": 2.1}),
    ("E7*", "text", {"nll_many": 2.0}),
    ("E8*", "digits", {"tanh_error": 0.1}),
    ("C1*", "spacings", {"score_error": 0.1}),
]


@pytest.mark.parametrize(
    ("claim", "condition", "values"), SPOILED, ids=lambda v: next(iter(v)) if isinstance(v, dict) else v
)
def test_each_rule_can_say_no(claim, condition, values):
    scalars = good()
    scalars[condition].update(values)
    assert str(judge(scalars)[claim].verdict) != "reproduced"


@pytest.mark.parametrize(("condition", "curve"), [("knobs", "softmax T"), ("knobs", "nucleus"), ("text", "softmax T")])
def test_a_better_knob_of_the_other_kind_spoils_c12(condition, curve):
    points = {c: dict(named) for c, named in GOOD_CURVES.items()}
    points[condition][curve] = [(2.63, 1.2), (2.64, 1.73)] if condition == "knobs" else [(2.79, 1.5), (2.8, 2.2)]
    assert str(judge(good(), points)["C12"].verdict) != "reproduced"


FALSIFIED = [
    ("C1*", "spacings", {"score_error_blind": 1e-6}),
    ("C1", "spacings", {"score_error_blind": 1e-6}),
    ("C2", "token-mse-frozen", {"min_distance": 0.0}),
    ("C9", "knobs", {"nll warp T 100": 1.75}),
    ("C9", "knobs", {"nll warp μ 1": 1.75}),
    ("C10*", "spacings", {"loss_end": 1.7}),
]


@pytest.mark.parametrize(("claim", "condition", "values"), FALSIFIED)
def test_each_falsifier_can_fail(claim, condition, values):
    scalars = good()
    scalars[condition].update(values)
    entry = judge(scalars)[claim]
    assert entry.falsifier == "did not break the claim"
    assert str(entry.verdict) == "partly reproduced"


def test_missing_records_are_not_run():
    entries = judge({"spacings": good()["spacings"]}, {})
    assert str(entries["C11"].verdict) == "reproduced"
    assert str(entries["C3"].verdict) == "not run"

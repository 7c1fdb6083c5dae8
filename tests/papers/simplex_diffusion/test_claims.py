"""Every rule says yes where the claim holds, and no where it does not."""

import numpy as np
import pytest

from replications.papers.simplex_diffusion import claims
from replications.papers.simplex_diffusion.study import STUDY
from replications.study import judge_records
from replications.study.testing import fake_records

SEEDS = 3


def good() -> dict[str, dict[str, float]]:
    """Scalars under which every claim holds and every falsifier breaks it."""
    law = {
        "density_error": 1e-13, "score_error": 1e-8, "poisson_gamma_p": 0.4, "chi_square_p": 0.4, "two_steps_p": 0.4, "euler_p": 1e-9,
        "mean_z": 2.0, "variance_z": 2.0, "printed_mean_z": 50.0, "printed_variance_z": 30.0, "squared_ou_p": 0.3,
    }  # fmt: skip
    reversal = {
        "drift_error": 1e-15, "field_error": 1e-15, "quantile_error": 1e-8, "log_field_residual": 1e-12,
        "log_field_residual_printed": 5.0, "floor": 0.01, "tv_heun": 0.012, "tv_sde": 0.03, "tv_bridge_first": 0.011, "middle_p_bridge": 0.4,
        "tv_sde_without_divergence": 0.6,
    }  # fmt: skip
    boundary = {
        "zeros_exact": 0.0, "touch_fine": 0.2, "target_growth": 1.0, "drift_exact": 0.006, "drift_full_truncation": 0.18,
        "drift_reflection": 0.17, "drift_clipping": 0.12, "drift_epsilon": 0.007,
    }  # fmt: skip
    likelihood = {
        "path_kl": 0.195, "initial_kl": 0.194, "path_kl_unweighted": 0.5, "entropy_integral": 1.414, "entropy": 1.415,
        "entropy_integral_blind": 3000.0, "ce_linear": 0.91, "ce_state": 0.77, "ce_simplex_excess": 0.02,
        "calibration_gap": 0.001,
    }  # fmt: skip
    return {
        **{name: dict(law) for name in claims.LAWS},
        "stationarity": {
            "dirichlet_p": 0.5, "gamma_p": 0.5, "covariance_z": 1.0, "sum_correlation": 2.0, "wrong_noise_p": 1e-40,
            "sphere_p": 0.5, "sphere_unsquared_p": 0.0,
        },
        **{name: dict(boundary) for name in claims.BOUNDARIES},
        "boundary-1": {**boundary, "target_growth": 0.01},
        "boundary-2": {**boundary, "touch_fine": 0.0},
        **{f"reversal-{v}-{a}": dict(reversal) for v in (5, 27) for a in ("0.5", "1", "2")},
        **{f"likelihood-{a}": dict(likelihood) for a in ("0.5", "1")},
        "orders-0.1": {"strong_order_full_truncation": 0.35},
        "orders-0.5": {"strong_order_squared_ou": 1.0},
        "orders-4": {"strong_order_full_truncation": 0.51, "strong_order_implicit": 0.98},
        "ranks-27": {"mean_rank_sparse": 1.4, "mean_rank_gaussian": 1.2},
        "ranks-1000": {"mean_rank_sparse": 12.8},
        "ranks-32000": {
            "mean_rank_sparse": 1 + 11.8 * 32, "mean_rank_gaussian": 2.7, "mean_rank_one": 9.0, "beyond_half_sparse": 0.012,
            "lost_sparse": 0.024,
        },
        "train-free-0.5": {"score_error": 100.0},
        "train-fixed-0.5": {"score_error": 0.1},
        "train-free-1": {"score_error": 0.11},
        "train-fixed-1": {"score_error": 0.1},
        "cost": {"cost_slope_half": 1.0, "cost_slope_one": 1.0},
    }  # fmt: skip


def judge(scalars):
    rng = np.random.default_rng(0)  # p-values need a spread
    records = fake_records(
        {
            c: {m: list(v * (1 + 1e-3 * rng.standard_normal(SEEDS))) for m, v in metrics.items()}
            for c, metrics in scalars.items()
        }
    )
    return {entry.claim.id: entry for entry in judge_records("simplex_diffusion", claims.CLAIMS, records)}


def test_ids_and_order():
    ids = [claim.id for claim in claims.CLAIMS]
    assert ids[:11] == [f"C{i}" for i in range(1, 12)]
    assert all(name.endswith("*") for name in ids[11:])


def test_all_hold_on_good_numbers():
    for name, entry in judge(good()).items():
        assert str(entry.verdict) == "reproduced", name
        assert entry.falsifier in (None, "broke the claim"), name


def test_good_numbers_are_metrics_of_the_study():
    conditions = STUDY.plan("laptop").conditions
    for condition, metrics in good().items():
        assert condition in conditions
        assert set(metrics) <= set(STUDY.metrics)


SPOILED = [
    ("C1", "stationarity", {"dirichlet_p": 1e-6}),
    ("C1", "stationarity", {"gamma_p": 1e-6}),
    ("C1", "stationarity", {"covariance_z": 9.0}),
    ("C1", "stationarity", {"sum_correlation": 9.0}),
    ("C2", "law-0.1", {"density_error": 1e-3}),
    ("C2", "law-2.5", {"chi_square_p": 1e-6}),
    ("C2", "law-2.5", {"poisson_gamma_p": 1e-6}),
    ("C2", "law-1", {"two_steps_p": 1e-6}),
    ("C3", "law-1", {"mean_z": 8.0}),
    ("C3", "law-1", {"variance_z": 8.0}),
    ("C4", "boundary-2", {"touch_fine": 0.1}),
    ("C4", "boundary-0.1", {"zeros_exact": 0.01}),
    ("C5", "reversal-5-1", {"drift_error": 0.1}),
    ("C5", "reversal-5-1", {"tv_sde": 0.4}),
    ("C6", "likelihood-1", {"path_kl": 0.3}),
    ("C6", "likelihood-0.5", {"path_kl": 0.1}),
    ("C7", "reversal-5-2", {"quantile_error": 0.01}),
    ("C7", "reversal-5-2", {"field_error": 0.01}),
    ("C7", "reversal-5-2", {"log_field_residual": 0.3}),
    ("C7", "reversal-27-1", {"tv_heun": 0.1}),
    ("C8", "boundary-0.5", {"drift_epsilon": 0.16}),
    ("C8", "boundary-0.5", {"drift_clipping": 0.007}),
    ("C8", "law-1", {"squared_ou_p": 1e-6}),
    ("C8", "orders-0.5", {"strong_order_squared_ou": 0.5}),
    ("C9", "ranks-32000", {"mean_rank_one": 3.6}),
    ("C9", "ranks-32000", {"mean_rank_sparse": 3.6}),
    ("C9", "ranks-32000", {"beyond_half_sparse": 0.024}),
    ("C9", "ranks-1000", {"mean_rank_sparse": 100.0}),
    ("C10", "likelihood-1", {"ce_linear": 0.77}),
    ("C10", "likelihood-1", {"ce_simplex_excess": -0.02}),
    ("C10", "likelihood-1", {"calibration_gap": 0.2}),
    ("C11", "stationarity", {"sphere_p": 1e-6}),
    ("C2*", "law-0.5", {"density_error": 1e-3}),
    ("C2*", "law-2.5", {"score_error": 0.1}),
    ("R1*", "reversal-5-2", {"drift_error": 0.1}),
    ("R1*", "reversal-5-2", {"field_error": 0.1}),
    ("R1*", "reversal-5-0.5", {"log_field_residual": 0.1}),
    ("R1*", "reversal-5-1", {"quantile_error": 0.1}),
    ("C5*", "reversal-27-2", {"tv_bridge_first": 0.1}),
    ("C5*", "reversal-27-2", {"middle_p_bridge": 1e-6}),
    ("C6*", "boundary-0.5", {"target_growth": 0.0}),
    ("C6*", "train-free-0.5", {"score_error": 0.2}),
    ("C7*", "likelihood-0.5", {"entropy_integral": 1.3}),
    ("C7*", "likelihood-1", {"entropy_integral": 1.5}),
    ("C8*", "orders-4", {"strong_order_full_truncation": 0.8}),
    ("C8*", "orders-4", {"strong_order_implicit": 0.5}),
    ("C8*", "orders-0.1", {"strong_order_full_truncation": 0.5}),
    ("C9*", "cost", {"cost_slope_one": 1.6}),
]


@pytest.mark.parametrize(
    ("claim", "condition", "values"), SPOILED, ids=lambda v: next(iter(v)) if isinstance(v, dict) else v
)
def test_each_rule_can_say_no(claim, condition, values):
    scalars = good()
    scalars[condition].update(values)
    assert str(judge(scalars)[claim].verdict) != "reproduced"


FALSIFIED = [
    ("C1", "stationarity", {"wrong_noise_p": 0.2}),
    ("C2", "law-0.5", {"euler_p": 0.2}),
    ("C3", "law-0.1", {"printed_mean_z": 1.0}),
    ("C4", "boundary-0.5", {"touch_fine": 0.0}),
    ("C5", "reversal-5-2", {"tv_sde_without_divergence": 0.02}),
    ("C6", "likelihood-1", {"path_kl_unweighted": 0.2}),
    ("C7", "reversal-5-0.5", {"log_field_residual_printed": 0.0}),
    ("C9", "ranks-27", {"mean_rank_sparse": 9.0}),
    ("C11", "stationarity", {"sphere_unsquared_p": 0.3}),
    ("R1*", "reversal-5-2", {"log_field_residual_printed": 0.0}),
    ("C5*", "reversal-27-1", {"tv_sde": 0.01}),
    ("C6*", "boundary-1", {"target_growth": 1.0}),
    ("C7*", "likelihood-1", {"entropy_integral_blind": 1.4}),
]


@pytest.mark.parametrize(("claim", "condition", "values"), FALSIFIED)
def test_each_falsifier_can_fail(claim, condition, values):
    scalars = good()
    if claim == "C5*":
        for name in [n for n in scalars if n.startswith("reversal")]:
            scalars[name].update(values)
    scalars[condition].update(values)
    entry = judge(scalars)[claim]
    assert entry.falsifier == "did not break the claim"
    assert str(entry.verdict) == "partly reproduced"


def test_missing_records_are_not_run():
    entries = judge({"stationarity": good()["stationarity"]})
    assert str(entries["C1"].verdict) == "reproduced"
    assert str(entries["C2"].verdict) == "not run"

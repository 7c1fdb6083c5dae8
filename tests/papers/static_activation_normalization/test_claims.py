"""Every rule says yes to records that show the claim and no to records that do not."""

from collections.abc import Mapping

import numpy as np
import pytest

from replications.papers.static_activation_normalization import claims
from replications.papers.static_activation_normalization.study import DEPTHS
from replications.study import Claim, Curve, Records, Verdict, judge_records
from replications.study.testing import fake_records

SEEDS = 5
BY_ID = {claim.id: claim for claim in claims.CLAIMS}
NOISE = np.array([0.0, 0.004, -0.004, 0.002, -0.002])
EXACT = {
    "normalisation_error": 1e-15,
    "closed_form_error": 1e-15,
    "ordering_violations": 0.0,
    "critical_error": 1e-15,
    "folding_error": 1e-15,
    "folding_error_z": 3.0,
}


def some(value: float, scale: float = 1.0) -> list[float]:
    return list(value + scale * NOISE)


def curve(values: np.ndarray) -> Curve:
    return Curve(list(range(len(values))), list(values), "step", "test accuracy")


def sweep(accuracy: Mapping[str, Mapping[int, float]], share: Mapping[str, float], lead: float = 0.0) -> Records:
    """The MNIST sweep with given accuracies; readings are `lead` ahead of the baselines at every look."""
    scalars, curves = {}, {}
    for network, by_depth in accuracy.items():
        for depth, value in by_depth.items():
            name = f"mnist-{depth}-{network}"
            scalars[name] = {"accuracy": some(value), "trained_share": some(share[network])}
            ahead = lead if network.startswith("sanf") else 0.0
            rise = np.linspace(0.1, 0.8, 6)
            curves[name] = {"accuracy": [curve(rise + ahead + n * (ahead != 0)) for n in NOISE]}
    return fake_records(scalars, curves=curves)


def verdict(claim: Claim, records: Records) -> Verdict:
    return judge_records("test", [claim], records)[0].verdict


def depths(deep: float) -> dict[int, float]:
    return {depth: 0.9 if depth <= 10 else deep for depth in DEPTHS}


NETWORKS = ("relu-lecun", "relu-he", "sanf-a", "sanf-t")
WINS = sweep(
    {name: depths(0.8 if name.startswith("sanf") else 0.2) for name in NETWORKS},
    {name: 0.6 if name.startswith("sanf") else 0.3 for name in NETWORKS},
    lead=0.05,
)
LOSES = sweep(
    {name: depths(0.2 if name.startswith("sanf") else 0.8) for name in NETWORKS},
    {name: 0.3 if name.startswith("sanf") else 0.6 for name in NETWORKS},
    lead=-0.05,
)


@pytest.mark.parametrize(
    "claim", [c for c in claims.CLAIMS if c.id[:2] in ("C2", "C3", "C4") and c.id != "C3-reference"], ids=lambda c: c.id
)
def test_claims_over_baselines(claim: Claim) -> None:
    assert verdict(claim, WINS) is Verdict.REPRODUCED
    assert verdict(claim, LOSES) is Verdict.NOT


def test_a_lead_that_turns_into_a_lag_is_only_partly_anytime() -> None:
    scalars = {f"mnist-{d}-{n}": {"accuracy": some(0.9)} for d in (5, 10, 20) for n in ("sanf-a", "relu-he")}
    rise = np.linspace(0.1, 0.8, 6)
    turned = rise + np.array([0.2, 0.2, 0.2, 0.1, 0.0, -0.03])
    curves = {
        name: {"accuracy": [curve((turned if "sanf" in name else rise) + n * ("sanf" in name)) for n in NOISE]}
        for name in scalars
    }
    assert verdict(BY_ID["C4a-he"], fake_records(scalars, curves=curves)) is Verdict.PARTLY


def test_trainable_depth_interpolates_and_caps() -> None:
    assert claims._crossing(np.array([0.9, 0.9, 0.9, 0.9, 0.9])) == 50.0
    assert claims._crossing(np.array([0.9, 0.7, 0.3, 0.1, 0.1])) == pytest.approx(15.0)
    assert claims._crossing(np.array([0.4, 0.9, 0.9, 0.9, 0.9])) == 5.0
    assert claims.within_two_points("sanf-a")(WINS).tolist() == [10.0] * SEEDS


def test_the_reference_to_thirty_layers() -> None:
    claim = BY_ID["C3-reference"]
    assert verdict(claim, WINS) is Verdict.REPRODUCED
    assert verdict(claim, LOSES) is Verdict.NOT


def test_the_recipe_needs_every_identity() -> None:
    claim = BY_ID["C1"]
    assert (
        verdict(claim, fake_records({"exact": {k: [v] for k, v in EXACT.items()}}, profile="smoke"))
        is Verdict.REPRODUCED
    )
    for name, wrong in (
        ("normalisation_error", 1e-3),
        ("closed_form_error", 1e-6),
        ("ordering_violations", 1.0),
        ("critical_error", 0.1),
    ):
        broken = fake_records({"exact": {k: [wrong if k == name else v] for k, v in EXACT.items()}}, profile="smoke")
        assert verdict(claim, broken) is not Verdict.REPRODUCED, name


def spectra(conditions: tuple[float, float, float], errors: tuple[float, float], largest: float = 900.0) -> Records:
    return fake_records(
        {
            "spectrum-relu-raw": {"log_condition": some(conditions[0]), "largest": some(largest), "edge": some(6.0)},
            "spectrum-relu-a": {"log_condition": some(conditions[1]), "density_error": some(errors[0], 0.1)},
            "spectrum-relu-z": {"log_condition": some(conditions[2]), "density_error": some(errors[1], 0.1)},
        }
    )


def test_spectra() -> None:
    claim = BY_ID["C1-spectrum"]
    assert verdict(claim, spectra((4.8, 2.7, 2.0), (0.01, 0.01))) is Verdict.REPRODUCED
    assert verdict(claim, spectra((2.0, 2.7, 4.8), (0.5, 0.5))) is Verdict.NOT
    assert verdict(claim, spectra((4.8, 2.7, 2.9), (0.01, 0.01))) is Verdict.PARTLY
    assert verdict(claim, spectra((4.8, 2.7, 2.0), (0.5, 0.01))) is Verdict.PARTLY
    assert verdict(claim, spectra((4.8, 2.7, 2.0), (0.01, 0.5))) is Verdict.PARTLY
    entry = judge_records("test", [claim], spectra((4.8, 2.7, 2.0), (0.01, 0.01), largest=5.0))[0]
    assert (entry.verdict, entry.falsifier) == (Verdict.PARTLY, "did not break the claim")


@pytest.mark.parametrize(("name", "metric"), [("C5", "condition_trained"), ("C5-centred", "condition_trained_centred")])
def test_trained_spectra(name: str, metric: str) -> None:
    def records(lecun: float, he: float, ours: float) -> Records:
        values = {"relu-lecun": lecun, "relu-he": he, "sanf-a": ours}
        return fake_records({f"mnist-10-{n}": {metric: some(v, 1.0 + len(n) % 3)} for n, v in values.items()})

    assert verdict(BY_ID[name], records(5.0, 4.0, 3.0)) is Verdict.REPRODUCED
    assert verdict(BY_ID[name], records(5.0, 2.0, 3.0)) is Verdict.PARTLY
    assert verdict(BY_ID[name], records(2.0, 2.0, 3.0)) is Verdict.NOT


def benefits(fold: float = 1e-15, growth: float = 1.46, share: float = 0.5, fold_z: float = 3.0) -> Records:
    scalars: dict[str, dict[str, list[float]]] = {
        "exact": {"folding_error": [fold] * SEEDS, "folding_error_z": [fold_z] * SEEDS},
        "signal-sanf-a": {"growth": some(growth, 0.5)},
        "signal-batch-norm": {"growth": some(1.467)},
    }
    for depth in DEPTHS:
        scalars[f"mnist-{depth}-sanf-a"] = {"trained_share": some(share, 0.5)}
        scalars[f"mnist-{depth}-batch-norm"] = {"trained_share": some(0.5)}
    return fake_records(scalars)


def test_benefits_of_batch_norm_at_no_cost() -> None:
    claim = BY_ID["C6"]
    assert verdict(claim, benefits()) is Verdict.REPRODUCED
    assert verdict(claim, benefits(fold=0.1)) is Verdict.PARTLY
    assert verdict(claim, benefits(growth=1.2)) is Verdict.PARTLY
    assert verdict(claim, benefits(share=0.2)) is Verdict.PARTLY
    assert verdict(claim, benefits(fold=0.1, growth=1.2, share=0.2)) is Verdict.NOT
    entry = judge_records("test", [claim], benefits(fold_z=1e-15))[0]
    assert (entry.verdict, entry.falsifier) == (Verdict.PARTLY, "did not break the claim")

"""The exact facts hold to rounding, batch norm breaks those it must, and a broken layer is noticed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from replications.models.resnet import tiny_resnet
from replications.papers.byol_without_batch_statistics import identities, method
from replications.papers.byol_without_batch_statistics.claims import DEPENDS, ROUNDING
from replications.papers.byol_without_batch_statistics.identities import METRICS, SHOWN, Identities, check
from replications.papers.byol_without_batch_statistics.study import STUDY
from replications.study import Context, Outcome

SMALL = Identities(hidden=32, projection=16, groups=4, size=16, batch=6, deviation_batch=32)
BROKEN = ("loss_change_bn", "gradient_change_bn", "leak_bn", "accumulation_bn", "affine_elsewhere")

pytestmark = pytest.mark.usefixtures("pictures", "narrow")


@pytest.fixture(scope="module")
def narrow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(method.ENCODERS, "tiny", lambda norm, conv: tiny_resnet(8, "3x3/2", norm, conv))
        yield


def checked(seed: int = 0) -> Outcome:
    return check(SMALL, Context(seed, torch.device("cpu")))


@pytest.fixture(scope="module")
def outcome(pictures, narrow) -> Outcome:
    return checked()


def test_every_error_is_rounding_or_far_above_it(outcome):
    STUDY.validate(outcome)
    assert set(outcome.scalars) == set(METRICS)
    for name, error in outcome.scalars.items():
        assert (error > DEPENDS) if name in BROKEN else (error <= ROUNDING), name


def test_it_is_a_function_of_config_and_seed(outcome):
    torch.rand(7)  # the global generator must not matter
    again = checked()
    assert again.scalars == outcome.scalars
    assert np.array_equal(again.arrays["deviations"], outcome.arrays["deviations"])
    assert checked(1).scalars["loss_change_bn"] != outcome.scalars["loss_change_bn"]


def test_affine_layers_spread_as_batch_norm_does_and_nothing_lets_activations_fade(outcome):
    spread = dict(zip(SHOWN, outcome.arrays["deviations"]))
    assert outcome.arrays["deviations"].dtype == np.float32
    assert spread["bn"] == pytest.approx(np.ones(11), abs=1e-3)  # nine norms in the encoder, one in each head
    assert spread["affine"] == pytest.approx(spread["bn"], abs=1e-4)
    assert spread["none"][-1] < 0.5 * spread["none"][0]


def test_weights_that_are_not_standardised_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identities, "standardise", lambda weight: weight)
    found = checked().scalars
    assert all(found[name] > DEPENDS for name in ("ws_rows", "ws_invariance", "ws_constant"))


def test_a_gradient_that_is_not_orthogonal_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(method, "standardise", lambda weight: weight)
    assert checked().scalars["ws_gradient"] > DEPENDS


def test_affine_layers_left_as_they_are_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identities, "calibrate", lambda network, batch: None)
    assert checked().scalars["affine_same"] > DEPENDS


def test_a_statistic_of_the_batch_in_group_norm_is_noticed(monkeypatch: pytest.MonkeyPatch):
    def leaky(self, x):
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps) + x.mean(dim=0, keepdim=True)

    monkeypatch.setattr(method.GroupNorm, "forward", leaky)
    found = checked().scalars
    for what in ("loss_change", "gradient_change", "leak", "accumulation", "alone"):
        assert found[f"{what}_gn_ws"] > 1e-4, what


def test_a_relative_error_of_zeros_is_zero():
    zero, one = torch.zeros(3), torch.ones(3)
    assert identities.relative(zero, zero) == 0
    assert identities.relative(one, zero) == pytest.approx(math.sqrt(3))
    assert identities.relative(2 * one, one) == 1

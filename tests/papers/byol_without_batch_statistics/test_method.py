"""Norms, standardised weights, affine layers and layouts: closed forms, torch's own layers, and what must not matter."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from replications.models.resnet import tiny_resnet
from replications.papers.byol.method import objective
from replications.papers.byol_without_batch_statistics import method
from replications.papers.byol_without_batch_statistics.method import (
    EPS,
    LAYOUTS,
    Affine,
    GroupNorm,
    NoNorm,
    StandardConv2d,
    StandardLinear,
    build,
    calibrate,
    group_norm,
    layout,
    sample_losses,
    standardise,
    whole,
)


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=draw(seed), dtype=torch.float64)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(method.ENCODERS, "tiny", lambda norm, conv: tiny_resnet(8, "3x3/2", norm, conv))


def network(name: str, stream: int = 0, predictor: bool = True):
    return build(layout(name, 4), "tiny", 32, 16, draw(stream), predictor).double()


# group norm


def test_one_group_is_layer_norm_and_a_group_a_channel_is_instance_norm():
    x = random(3, 8, 4, 5)
    one, each = GroupNorm(1, 8, EPS).double(), GroupNorm(8, 8, EPS).double()
    torch.testing.assert_close(one(x), F.layer_norm(x, x.shape[1:], eps=EPS))
    torch.testing.assert_close(each(x), F.instance_norm(x, eps=EPS))


def test_every_group_of_every_sample_has_mean_zero_and_the_variance_that_epsilon_leaves():
    x = 0.01 * random(3, 8, 4, 5)  # small, so that ε shows
    groups = x.view(3, 2, -1)
    out = GroupNorm(2, 8, EPS).double()(x).view(3, 2, -1)
    variance = groups.var(dim=2, correction=0)
    torch.testing.assert_close(out.mean(dim=2), torch.zeros(3, 2, dtype=x.dtype))
    torch.testing.assert_close(out.var(dim=2, correction=0), variance / (variance + EPS))


def test_a_group_of_one_channel_at_one_position_is_zero_and_our_groups_are_wider():
    x = random(3, 8)
    assert GroupNorm(8, 8, EPS).double()(x).abs().max() < 1e-12
    for channels, groups in {4: 1, 16: 4, 32: 8, 64: 16, 512: 16}.items():
        assert group_norm(16)(channels).num_groups == groups


def test_group_norm_works_in_its_own_precision_and_answers_in_that_of_its_input():
    x = random(2, 8, 3, 3).to(torch.bfloat16)
    out = GroupNorm(2, 8, EPS)(x)
    assert out.dtype is torch.bfloat16
    assert torch.equal(out, F.group_norm(x.float(), 2, eps=EPS).to(torch.bfloat16))


# weight standardisation


@given(st.integers(2, 5), st.integers(2, 40), st.floats(0.1, 10), st.floats(-5, 5), st.integers(0, 999))
def test_rows_have_mean_zero_and_variance_one_whatever_their_shift_and_scale(outputs, fan_in, scale, shift, seed):
    weight = random(outputs, fan_in, seed=seed)
    hat = standardise(weight)
    torch.testing.assert_close(hat.mean(dim=1), torch.zeros(outputs, dtype=hat.dtype), atol=1e-9, rtol=0)
    torch.testing.assert_close(hat.var(dim=1, correction=0), torch.ones(outputs, dtype=hat.dtype))
    torch.testing.assert_close(standardise(scale * weight + shift), hat, atol=1e-7, rtol=1e-7)


def test_the_gradient_is_orthogonal_to_the_ones_and_to_the_centred_weight():
    weight = random(6, 3, 3, 3).requires_grad_()
    (standardise(weight) * random(6, 3, 3, 3, seed=1)).square().sum().backward()
    rows, g = weight.detach().flatten(1), weight.grad.flatten(1)
    centred = rows - rows.mean(dim=1, keepdim=True)
    assert g.norm() > 1
    assert g.sum(dim=1).abs().max() < 1e-12 * g.norm()
    assert (g * centred).sum(dim=1).abs().max() < 1e-12 * g.norm()


def test_the_unbiased_deviation_would_be_larger_by_a_known_factor():
    weight = random(5, 9)
    unbiased = (weight - weight.mean(dim=1, keepdim=True)) / weight.std(dim=1, keepdim=True)
    torch.testing.assert_close(standardise(weight) / unbiased, torch.full((5, 9), math.sqrt(9 / 8)).double())
    assert math.sqrt(9 / 8) == pytest.approx(1.0607, abs=1e-4)


def test_a_constant_row_gives_zeros_and_a_finite_gradient():
    weight = torch.ones(2, 4, dtype=torch.float64, requires_grad=True)
    out = standardise(weight)
    out.sum().backward()
    assert out.abs().max() == 0
    assert torch.isfinite(weight.grad).all()


def test_a_standardised_convolution_sees_no_constant_and_grows_with_the_fan_in():
    conv = StandardConv2d(16, 64, 3, bias=False).double()
    assert conv(torch.full((1, 16, 5, 5), 7.0).double()).abs().max() < 1e-10
    out = conv(random(8, 16, 12, 12))
    assert out.std().item() == pytest.approx(math.sqrt(16 * 9), rel=0.05)
    torch.testing.assert_close(conv(random(1, 16, 4, 4)), F.conv2d(random(1, 16, 4, 4), standardise(conv.weight)))


def test_a_standardised_linear_layer_keeps_its_bias():
    linear = StandardLinear(5, 3).double()
    x = random(4, 5)
    torch.testing.assert_close(linear(x), x @ standardise(linear.weight).T + linear.bias)


# affine layers


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 5)])
def test_an_affine_layer_starts_as_the_identity_and_calibrated_is_batch_norm_on_that_batch(shape):
    x, other = 3 + 2 * random(*shape), random(*shape, seed=1)
    affine = Affine(3).double()
    assert torch.equal(affine(x), x)
    calibrate(affine, x)
    torch.testing.assert_close(affine(x), F.batch_norm(x, None, None, training=True, eps=EPS))
    assert (affine(other) - F.batch_norm(other, None, None, training=True, eps=EPS)).abs().max() > 0.1


def test_a_calibrated_network_is_the_network_with_batch_norm_on_that_batch_and_on_no_other():
    batch, other = random(16, 3, 16, 16), random(16, 3, 16, 16, seed=1)
    affine, reference = whole(network("affine")), whole(network("bn"))
    assert (affine(batch) - reference(batch)).abs().max() > 0.1  # before
    calibrate(affine, batch)
    torch.testing.assert_close(affine(batch), reference(batch), atol=1e-10, rtol=1e-10)
    assert (affine(other) - reference(other)).abs().max() > 0.01


def test_calibrating_twice_changes_nothing_and_leaves_no_hook():
    batch = random(16, 3, 16, 16)
    affine = whole(network("affine"))
    calibrate(affine, batch)
    before = affine(batch)
    calibrate(affine, batch)
    torch.testing.assert_close(affine(batch), before)
    kept = [p.clone() for p in affine.parameters()]
    affine(random(16, 3, 16, 16, seed=1))
    assert all(torch.equal(p, q) for p, q in zip(kept, affine.parameters()))
    assert all(p.requires_grad for p in affine.parameters())


# networks


def test_a_layout_puts_its_norm_everywhere_and_nothing_else():
    kinds = {name: {type(m) for m in network(name).modules()} for name in LAYOUTS}
    batch = {nn.BatchNorm1d, nn.BatchNorm2d}
    assert kinds["bn"] >= batch
    assert kinds["encoder_bn"] & {*batch, NoNorm} == {nn.BatchNorm2d, NoNorm}
    for name, norm in {"none": NoNorm, "affine": Affine, "gn_ws": GroupNorm}.items():
        assert kinds[name] & {*batch, NoNorm, Affine, GroupNorm} == {norm}
    assert not kinds["gn_ws"] & {nn.Conv2d}
    assert sum(isinstance(m, StandardLinear) for m in network("gn_ws").modules()) == 2  # one a head: not the last
    with pytest.raises(ValueError, match="unknown layout 'ln': choose one of bn, encoder_bn"):
        layout("ln")


def test_layouts_start_from_the_same_weights():
    first = [p for p in network("bn").parameters() if p.ndim > 1]
    for name in LAYOUTS[1:]:
        others = [p for p in network(name).parameters() if p.ndim > 1]
        assert all(torch.equal(p, q) for p, q in zip(first, others, strict=True))


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_mean_of_sample_losses_is_byols_objective(name):
    online, target = network(name, 0), network(name, 1, predictor=False)
    one, two = random(8, 3, 16, 16), random(8, 3, 16, 16, seed=1)
    losses = sample_losses(online, target, one, two)
    assert losses.shape == (8,)
    p1, p2 = (whole(online)(view) for view in (one, two))
    z1, z2 = (target.project(view) for view in (one, two))
    assert losses.mean().item() == pytest.approx(objective((p1, p2), (z1, z2)).item(), abs=1e-5)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_sample_feels_the_others_only_through_batch_norm(name):
    online, target = network(name, 0), network(name, 1, predictor=False)
    views = [random(6, 3, 16, 16, seed=s) for s in (0, 1)]
    mixed = [torch.cat([view[:1], random(5, 3, 16, 16, seed=7)]) for view in views]
    change = (sample_losses(online, target, *views)[0] - sample_losses(online, target, *mixed)[0]).abs().item()
    if name in ("bn", "encoder_bn"):
        assert change > 1e-4
    else:
        assert change < 1e-12


def test_without_norms_a_layer_scales_its_output_and_the_last_scale_leaves_the_loss():
    online, target = network("none", 0), network("none", 1, predictor=False)
    views = [random(4, 3, 16, 16, seed=s) for s in (0, 1)]
    before, features = sample_losses(online, target, *views), online.encoder(views[0])
    with torch.no_grad():
        online.predictor[-1].weight.mul_(3)
    torch.testing.assert_close(sample_losses(online, target, *views), before)
    with torch.no_grad():
        online.encoder.stem[0].weight.mul_(3)  # no bias in the encoder: its whole output scales
    torch.testing.assert_close(online.encoder(views[0]), 3 * features)

"""What the paper's equations imply, exactly: losses, gradients, statistics, target updates and views."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from replications.models.heads import mlp_head
from replications.models.resnet import tiny_resnet
from replications.papers.byol.method import (
    LOSS_NORMS,
    VIEWS,
    Network,
    forward,
    objective,
    regression_loss,
    repulsion,
    scaled,
    unit,
    update,
    views,
)
from replications.training.lars import parameter_groups


@pytest.fixture
def pair() -> tuple[Network, Network]:
    torch.manual_seed(0)
    online = Network(tiny_resnet(4), mlp_head(16, 24, 8), mlp_head(8, 24, 8))
    return online, Network(tiny_resnet(4), mlp_head(16, 24, 8))


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(6, 3, 16, 16, generator=draw), torch.randn(6, 3, 16, 16, generator=draw)


def sgd(online: Network, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameter_groups(online, 0.0), lr=lr, momentum=0.9)


def vectors(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(5, 8, generator=draw), torch.randn(5, 8, generator=draw)


def test_the_loss_is_two_minus_two_cosines_and_ignores_scale():
    p, z = vectors()
    cosine = nn.functional.cosine_similarity(p, z)
    torch.testing.assert_close(regression_loss(p, z), 2 - 2 * cosine)
    torch.testing.assert_close(regression_loss(3 * p, 0.2 * z), regression_loss(p, z))
    torch.testing.assert_close(regression_loss(p, p), torch.zeros(5), atol=1e-6, rtol=0)
    torch.testing.assert_close(regression_loss(p, -p), torch.full((5,), 4.0))


def test_the_objective_is_the_sum_over_both_directions_and_not_their_average():
    p, z = vectors()
    assert objective((p, p), (-p, -p)).item() == pytest.approx(8.0)
    q, w = vectors(1)
    expected = (4 - 2 * nn.functional.cosine_similarity(p, w) - 2 * nn.functional.cosine_similarity(q, z)).mean()
    torch.testing.assert_close(objective((p, q), (z, w)), expected)


def test_the_objective_does_not_change_when_the_views_are_exchanged():
    (p, q), (z, w) = vectors(), vectors(1)
    for beta in (0.0, 1.0):
        torch.testing.assert_close(objective((p, q), (z, w), beta=beta), objective((q, p), (w, z), beta=beta))


def test_the_gradient_of_a_prediction_is_orthogonal_to_it():
    p, z = vectors()
    p.requires_grad_()
    regression_loss(p, z).sum().backward()
    torch.testing.assert_close((p.grad * p).sum(1), torch.zeros(5), atol=1e-6, rtol=0)
    assert p.grad.norm() > 0.1


def test_unit_is_safe_at_zero():
    zero = torch.zeros(1, 4, requires_grad=True)
    unit(zero).sum().backward()
    assert torch.isfinite(zero.grad).all()
    torch.testing.assert_close(unit(vectors()[0]).norm(dim=1), torch.ones(5))


@pytest.mark.parametrize("norm", LOSS_NORMS)
def test_every_loss_normalisation_gives_rows_of_about_unit_length(norm):
    x = torch.randn(4000, 16, generator=torch.Generator().manual_seed(0))
    assert scaled(x, norm).square().sum(1).mean().item() == pytest.approx(1.0, abs=0.03)
    if norm != "none":
        torch.testing.assert_close(scaled(7 * x, norm), scaled(x, norm), atol=1e-4, rtol=1e-3)


def test_unknown_loss_normalisation_is_refused():
    with pytest.raises(ValueError, match="unknown loss normalisation 'l1'"):
        scaled(torch.ones(1, 2), "l1")


def test_repulsion_agrees_with_a_slow_sum():
    (p, z), (w, _) = vectors(), vectors(1)
    cosine = nn.functional.cosine_similarity
    alpha = 0.3
    for i, value in enumerate(repulsion(p, z, w, alpha)):
        total = sum(math.exp(cosine(p[i], z[j], dim=0).item() / alpha) for j in range(5) if j != i)
        total += sum(math.exp(cosine(p[i], w[j], dim=0).item() / alpha) for j in range(5))
        assert value.item() == pytest.approx(2 * alpha * math.log(total), rel=1e-5)


def test_with_all_negatives_the_objective_is_simclrs_up_to_scale_and_a_constant():
    z1, z2 = vectors()
    alpha = 0.2
    both = torch.nn.functional.normalize(torch.cat([z1, z2]), dim=1)
    logits = (both @ both.T / alpha).fill_diagonal_(-math.inf)
    nt_xent = nn.functional.cross_entropy(logits, torch.tensor([5, 6, 7, 8, 9, 0, 1, 2, 3, 4]))
    ours = objective((z1, z2), (z1, z2), beta=1.0, temperature=alpha)
    assert ours.item() == pytest.approx(4 + 4 * alpha * nt_xent.item(), rel=1e-5)


def test_no_gradient_reaches_the_target_and_all_of_the_online_network_has_one(pair, images):
    online, target = pair
    predictions, projections = forward(online, target, *images)
    objective(predictions, projections).backward()
    assert all(p.grad is None for p in target.parameters())
    assert all(p.grad is not None for p in online.parameters())
    assert target.training


def test_without_a_target_network_gradient_flows_through_both_branches(pair, images):
    online, _ = pair
    predictions, projections = forward(online, online, *images)
    assert all(z.requires_grad for z in projections)
    torch.testing.assert_close(online.predictor(projections[0]), predictions[0], atol=1e-5, rtol=1e-4)


def test_a_target_with_tau_one_stays_bit_for_bit(pair, images):
    online, target = pair
    before = [p.clone() for p in target.parameters()]
    update(online, target, sgd(online), [images], tau=1.0)
    assert all(torch.equal(p, old) for p, old in zip(target.parameters(), before))


def test_a_target_with_tau_zero_is_the_updated_online_network(pair, images):
    online, target = pair
    before = copy.deepcopy(online)
    update(online, target, sgd(online), [images], tau=0.0)
    for part in ("encoder", "projector"):
        ours, theirs = getattr(online, part).parameters(), getattr(target, part).parameters()
        assert all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))
    assert not torch.equal(online.encoder.stem[0].weight, before.encoder.stem[0].weight)


def test_the_target_runs_on_batch_statistics_and_keeps_running_ones_of_its_own(pair, images):
    online, target = pair
    update(online, target, sgd(online), [images], tau=0.0)
    ours, theirs = online.encoder.stem[1].running_mean, target.encoder.stem[1].running_mean
    assert theirs.any()
    assert not torch.equal(ours, theirs)


def test_statistics_are_per_view(pair, images):
    online, target = pair
    other = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        first = forward(online, target, *images)
        second = forward(online, target, images[0], other)
    for network in (0, 1):
        assert torch.equal(first[network][0], second[network][0])
        assert not torch.equal(first[network][1], second[network][1])


def test_a_step_of_two_parts_averages_their_gradients_and_moves_the_target_once(pair, images):
    online, target = pair
    halves = list(zip(images[0].chunk(2), images[1].chunk(2)))
    reference, frozen = copy.deepcopy(online), copy.deepcopy(target)
    losses = []
    for half in halves:
        loss = objective(*forward(reference, frozen, *half))
        (loss / 2).backward()
        losses.append(loss.item())
    loss = update(online, target, sgd(online), halves, tau=0.5)
    assert loss.item() == pytest.approx(sum(losses) / 2, rel=1e-5)
    for p, q in zip(online.parameters(), reference.parameters()):
        torch.testing.assert_close(p.grad, q.grad)
    for p, old, new in zip(target.encoder.parameters(), frozen.encoder.parameters(), online.encoder.parameters()):
        torch.testing.assert_close(p.detach(), (old + new).detach() / 2)


def test_a_constant_online_network_is_a_dead_equilibrium(pair, images):
    online, target = pair
    nn.init.zeros_(online.encoder.groups[-1][-1].norm2.weight)  # the last block adds a constant only
    for p in online.encoder.groups[-1][-1].shortcut[1].parameters():
        nn.init.zeros_(p)
    nn.init.constant_(online.encoder.groups[-1][-1].norm2.bias, 0.5)
    predictions, projections = forward(online, target, *images)
    torch.testing.assert_close(predictions[0], predictions[0][:1].expand(6, -1), atol=1e-5, rtol=0)
    loss = objective(predictions, projections)
    p, (t1, t2) = predictions[0][0], projections
    cosine = nn.functional.cosine_similarity
    torch.testing.assert_close(loss, 4 - 2 * (cosine(p[None], t2) + cosine(p[None], t1)).mean())
    loss.backward()
    assert online.encoder.stem[0].weight.grad.abs().max() < 1e-6  # everything below the constant is cut off
    assert target.encoder.stem[0].weight.grad is None


def test_the_learning_check_byol_keeps_its_spread_and_loses_it_without_predictor():
    """Ten classes of noisy patterns, a two-layer encoder, 200 steps: the paper's Table 5b in miniature."""
    from replications.training.collapse import embedding_std

    draw = torch.Generator().manual_seed(0)
    patterns = torch.randn(10, 32, generator=draw)

    def train(predictor: bool) -> float:
        torch.manual_seed(0)

        def encoder() -> nn.Module:
            return nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))

        online = Network(encoder(), mlp_head(32, 64, 16), mlp_head(16, 64, 16) if predictor else None)
        target = Network(encoder(), mlp_head(32, 64, 16))
        optimizer = sgd(online, lr=0.2)
        noise = torch.Generator().manual_seed(2)
        for _ in range(200):
            x = patterns[torch.randint(10, (128,), generator=noise)]
            pair = [x + 0.3 * torch.randn(x.shape, generator=noise) for _ in range(2)]
            update(online, target, optimizer, [(pair[0], pair[1])], tau=0.9)
        return embedding_std(online.project(patterns[torch.arange(100) % 10])).item()

    assert train(predictor=True) > 0.5
    assert train(predictor=False) < 0.25


def test_views_are_table_6():
    first, second = views()
    assert (first.blur, first.solarise, second.blur, second.solarise) == (1.0, 0.0, 0.1, 0.2)
    for view in (first, second):
        assert (view.crop_area, view.crop_ratio) == ((0.08, 1.0), (3 / 4, 4 / 3))
        assert (view.flip, view.jitter, view.grey) == (0.5, 0.8, 0.2)
        assert (view.brightness, view.contrast, view.saturation, view.hue) == (0.4, 0.4, 0.2, 0.1)


def test_weaker_sets_of_views_leave_out_what_their_names_say():
    assert all(view.jitter == view.grey == 0 for view in views("no_colour"))
    assert [view.blur for view in views("crop_blur")] == [1.0, 0.1]
    for view in views("crop"):
        assert view.flip == view.jitter == view.grey == view.solarise == view.blur == 0
    assert all(view.blur == 0 for name in VIEWS for view in views(name, blur=False))
    with pytest.raises(ValueError, match="unknown set of views 'all'"):
        views("all")

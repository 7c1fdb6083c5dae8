"""Networks: the published counts, convolutions against torch, dueling, and the search for layers of a size."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from replications.papers.bio_inspired_rl.exact import DER, NATURE
from replications.papers.bio_inspired_rl.networks import Network, Shape, fit, values
from replications.study import UserError

MINATAR = Shape("minatar", (4, 10, 10), 3)


def test_trunks_have_the_published_coefficients_and_features():
    nature, der = Network(NATURE), Network(DER)
    assert [conv.count() for conv, _, _ in nature.convolutions] == [8_224, 32_832, 36_928]
    assert [conv.count() for conv, _, _ in der.convolutions] == [3_232, 51_264]
    assert nature.features == (64, 7, 7)
    assert der.features == (64, 3, 3)
    assert nature.count_hidden() == 3_212_288
    assert der.count_hidden() == 295_424


@pytest.mark.parametrize(
    ("base", "totals"),
    [
        (NATURE, {4: 3_421_087, 6: 3_473_413, 9: 3_551_902, 18: 3_787_369}),
        (DER, {4: 415_455, 6: 441_669, 9: 480_990, 18: 598_953}),
        (Shape("nature", (4, 84, 84), 6, hidden=512), {4: 1_686_180, 6: 1_687_206, 9: 1_688_745, 18: 1_693_362}),
    ],
)
def test_totals_by_number_of_actions(base, totals):
    assert {actions: Network(replace(base, actions=actions)).count() for actions in totals} == totals


def test_noise_doubles_linear_layers_and_nothing_else():
    assert Network(replace(NATURE, noisy=True)).count() == 6_868_842 == 2 * 3_473_413 - 77_984
    assert Network(replace(DER, noisy=True)).count() == 828_842 == 2 * 441_669 - 54_496


@pytest.mark.parametrize(("base", "limits"), [(NATURE, (18.6, 13.3, 10.5, 6.6)), (DER, (3.8, 3.0, 2.6, 2.0))])
def test_hidden_layers_alone_cannot_shrink_the_network_further(base, limits):
    found = []
    for actions in (3, 6, 9, 18):
        network = Network(replace(base, actions=actions))
        found.append(round(network.count() / (network.count() - network.count_hidden()), 1))
    assert tuple(found) == limits


def stacked(network, seeds):
    members = [network.start(torch.Generator().manual_seed(seed)) for seed in seeds]
    return {name: torch.stack([member[name] for member in members]) for name in members[0]}


@pytest.mark.parametrize("trunk", ["nature", "der", "minatar"])
def test_convolutions_equal_torchs(trunk):
    planes = (4, 10, 10) if trunk == "minatar" else (4, 84, 84)
    network = Network(Shape(trunk, planes, 3))
    weights, x = stacked(network, (0, 1)), torch.rand(2, 3, *planes)
    found = network.trunk(weights, x)
    for member in (0, 1):
        y, channels = x[member], planes[0]
        for conv, side, stride in network.convolutions:
            w = weights[f"{conv.name}.w"][member].view(side, side, channels, -1).permute(3, 2, 0, 1)
            y, channels = (
                torch.relu(functional.conv2d(y, w, weights[f"{conv.name}.b"][member, 0], stride)),
                conv.outputs,
            )
        assert torch.allclose(found[member], y.permute(0, 2, 3, 1), atol=1e-4)


def test_dueling_outputs_add_value_to_centred_advantages():
    network = Network(Shape("minatar", (4, 10, 10), 5, atoms=7, dueling=True, hidden=16))
    weights, x = stacked(network, (0,)), torch.rand(1, 2, 4, 10, 10)
    found = network(weights, x)
    assert found.shape == (1, 2, 5, 7)
    features = network.trunk(weights, x)
    hidden, out = network.streams["value"]
    value = out(weights, torch.relu(hidden(weights, features)))
    assert torch.allclose(found.mean(2), value, atol=1e-6)


def test_values_are_means_of_the_law():
    support = torch.tensor([-1.0, 0.0, 1.0])
    logits = torch.tensor([0.2, 0.3, 0.5]).log().view(1, 1, 1, 3)
    assert values(logits, support).item() == pytest.approx(0.3)
    assert values(torch.tensor([[[[2.0]]]]), None).item() == 2.0


@pytest.mark.parametrize(
    ("kind", "ratio", "base"),
    [
        (kind, ratio, base)
        for kind in ("tucker", "cp", "low-rank", "narrow")
        for ratio in (2.0, 5.0, 10.0)
        for base in (MINATAR, NATURE, replace(NATURE, actions=18))
        if (kind, ratio, base) != ("narrow", 10.0, MINATAR)  # a single unit is 8 % of this budget
    ],
)
def test_fitted_networks_reach_the_total_ratio_and_no_more(kind, ratio, base):
    shape = fit(base, kind, ratio)
    achieved = Network(base).count() / Network(shape).count()
    assert ratio <= achieved < 1.055 * ratio
    assert (shape.hidden == base.hidden) == (kind != "narrow")


def test_the_reference_may_have_another_trunk():
    front = Shape("none", (36, 5, 5), 3)
    shape = fit(front, "tucker", 10.0, MINATAR, share=0.25)
    assert Network(shape).count() <= Network(MINATAR).count() / 10
    assert shape.ranks[:3] == (9, 2, 2)


def test_what_does_not_fit_is_said():
    with pytest.raises(UserError, match="no tucker layer makes this network 10 times smaller"):
        fit(DER, "tucker", 10.0)
    with pytest.raises(UserError, match="unknown trunk 'resnet'"):
        Network(replace(NATURE, trunk="resnet"))


def test_noise_is_drawn_for_noisy_networks_alone():
    generators = [torch.Generator().manual_seed(k) for k in (0, 1)]
    assert Network(DER).noise(generators, torch.device("cpu")) is None
    noise = Network(replace(DER, noisy=True)).noise(generators, torch.device("cpu"))
    assert set(noise) == {"value", "value-out", "advantage", "advantage-out"}
    assert noise["value"][0].shape == (2, 1, 576)
    # f(x) = sign(x) √|x| of normal x has mean square E|x| = √(2/π)
    assert noise["value"][0].square().mean() == pytest.approx(0.798, abs=0.08)

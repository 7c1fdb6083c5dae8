"""Layers: counts equal weights, starts spread as a dense layer's, noise is factorised, mistakes are named."""

import math

import pytest
import torch

from replications.papers.bio_inspired_rl import method
from replications.papers.bio_inspired_rl.layers import CP, Linear, LowRank, Tucker, make_layer
from replications.study import UserError

FEATURES = (16, 8, 8)
LAYERS = [
    make_layer("x", "dense", FEATURES, 128, ()),
    make_layer("x", "dense", FEATURES, 128, (), noisy=True),
    make_layer("x", "low-rank", FEATURES, 128, (10,)),
    make_layer("x", "cp", FEATURES, 128, (60,)),
    make_layer("x", "tucker", FEATURES, 128, (8, 4, 4, 46)),
    make_layer("x", "tucker", FEATURES, 20, (3, 2, 4, 5)),
]


def start(layer, seeds=(0,)):
    members = [layer.start(torch.Generator().manual_seed(seed)) for seed in seeds]
    return {name: torch.stack([member[name] for member in members]) for name in members[0]}


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_the_count_is_the_number_of_weights(layer):
    assert layer.count() == sum(weight.numel() for weight in start(layer).values())


@pytest.mark.parametrize("layer", LAYERS[:5], ids=repr)
def test_outputs_start_as_widely_as_a_dense_layers(layer):
    x = torch.randn(40, 16, 8, 8, 16, generator=torch.Generator().manual_seed(1))
    x = x if isinstance(layer, (CP, Tucker)) else x.flatten(2)
    spread = layer(start(layer, range(40)), x).std()
    assert spread == pytest.approx(1 / math.sqrt(3), rel=0.08)  # the framework's dense layer


def full_weight(layer, weights):
    """(C, H, W, O) of the first member."""
    w = {name.removeprefix("x.").removesuffix(".w"): weight[0] for name, weight in weights.items()}
    if isinstance(layer, Tucker):
        return method.rebuild_tucker(w["core"], w["c"], w["h"], w["w"], w["out"])
    return torch.einsum("cr,hr,wr,ro->chwo", w["c"], w["h"], w["w"], w["out"])


@pytest.mark.parametrize("layer", LAYERS[3:], ids=repr)
def test_factorised_layers_are_the_dense_layer_of_their_rebuilt_weight(layer):
    weights, x = start(layer), torch.randn(1, 5, 8, 8, 16, generator=torch.Generator().manual_seed(1))
    dense = torch.einsum("bhwc,chwo->bo", x[0], full_weight(layer, weights)) + weights["x.out.b"][0]
    assert torch.allclose(layer(weights, x)[0], dense, atol=1e-5)


@pytest.mark.parametrize("layer", [LAYERS[0], LAYERS[2], LAYERS[4]], ids=repr)
def test_the_tape_notes_every_map_and_changes_nothing(layer):
    weights, x, tape = start(layer), torch.randn(1, 5, 8, 8, 16), {}
    assert torch.allclose(layer(weights, x, tape), layer(weights, x), atol=1e-6)
    assert {f"{name}.w" for name in tape} == {name for name in weights if name.endswith(".w")}
    for name, (a, y) in tape.items():
        bias = weights.get(f"{name}.b", torch.zeros(1))
        assert torch.allclose(a @ weights[f"{name}.w"] + bias, y, atol=1e-5)


def test_noise_is_a_rank_one_matrix_that_is_never_built():
    layer = Linear("x", 6, 4, noisy=True)
    weights, x = start(layer), torch.randn(1, 3, 6)
    rows, columns = torch.randn(1, 1, 6), torch.randn(1, 1, 4)
    sigma = weights["x.sw"] * rows.transpose(1, 2) * columns
    expected = x @ (weights["x.w"] + sigma) + weights["x.b"] + weights["x.sb"] * columns
    assert torch.allclose(layer(weights, x, noise={"x": (rows, columns)}), expected, atol=1e-6)
    assert torch.allclose(weights["x.sw"], torch.tensor(0.1 / math.sqrt(6)))


def test_noise_doubles_a_layer():
    assert Linear("x", 6, 4, noisy=True).count() == 2 * Linear("x", 6, 4).count()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_layer("x", "fourier", FEATURES, 8, ()), "unknown layer 'fourier'"),
        (lambda: make_layer("x", "tucker", FEATURES, 8, (1, 2)), "takes 4 ranks, got 2"),
        (lambda: make_layer("x", "tucker", FEATURES, 8, (17, 8, 8, 8)), "rank 17 for a dimension of 16"),
        (lambda: LowRank("x", 10, 4, 5), "rank 5 for a dimension of 4"),
        (lambda: CP("x", FEATURES, 8, 0), "CP rank 0"),
        (lambda: make_layer("x", "cp", FEATURES, 8, (3,), noisy=True), "no noisy form"),
        (
            lambda: LAYERS[3](start(LAYERS[3]), torch.zeros(1, 1, 8, 8, 16), {}),
            "K-FAC needs layers made of linear maps",
        ),
    ],
)
def test_mistakes_are_named_in_one_line(make, message):
    with pytest.raises(UserError, match=message):
        make()

"""The Transformer: shapes, causality, rotary positions, dependence on the level."""

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data.network import Transformer, angles, rotated


def make(causal=False, conditioned=True):
    network = Transformer(5, 7, 16, 2, 2, conditioned, causal)
    draw = torch.Generator().manual_seed(0)
    network.initialise(draw)
    for p in network.parameters():  # leave the start, where logits are zero
        p.data.add_(0.2 * torch.randn(p.shape, generator=draw))
    return network


def features(seed=1):
    return torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(seed))


def test_logits_start_at_zero():
    network = Transformer(5, 7, 16, 2, 2, True)
    network.initialise(torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(features(), torch.zeros(3)), torch.zeros(3, 6, 7))


@pytest.mark.parametrize("causal", [False, True])
def test_only_a_causal_network_is_blind_to_what_follows(causal):
    network, x = make(causal, conditioned=False), features()
    changed = x.clone()
    changed[:, 4] += 1
    same = torch.isclose(network(x), network(changed), atol=1e-6).all(-1)
    assert bool(same[:, :4].all()) == causal
    assert not bool(same[:, 4].any())


def test_the_level_matters():
    network = make()
    assert not torch.allclose(network(features(), torch.zeros(3)), network(features(), torch.ones(3)))


def test_rotary_products_depend_on_distance_alone():
    turn = angles(9, 4, torch.device("cpu"))
    q, k = torch.randn(2, 8, generator=torch.Generator().manual_seed(0))
    products = torch.einsum("id,jd->ij", *(rotated(v.expand(1, 1, 9, 8), *turn)[0, 0] for v in (q, k)))
    for gap in (0, 1, 4):
        line = products.diagonal(gap)
        torch.testing.assert_close(line, line[:1].expand_as(line), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(products[0, 1], products[0, 4])


def test_equal_generators_give_equal_weights():
    pairs = zip(make().state_dict().values(), make().state_dict().values())
    assert all(torch.equal(a, b) for a, b in pairs)


def test_odd_heads_are_named():
    with pytest.raises(ValueError, match="width 10 with 4 heads"):
        Transformer(5, 7, 10, 1, 4, True)

"""Training: the loss, its levels and masks; resuming bit for bit; checkpoints that do not fit; a net that learns."""

from dataclasses import replace

import pytest
import torch

from replications.papers.continuous_diffusion_for_categorical_data.chain import Chain
from replications.papers.continuous_diffusion_for_categorical_data.config import Config
from replications.papers.continuous_diffusion_for_categorical_data.training import (
    batch_loss,
    build,
    levels_of,
    optimiser_of,
    restored,
    schedule,
    train,
)
from replications.study import Context, UserError

CONFIG = Config(
    "chain", categories=5, length=6, dimension=4, width=16, blocks=1, heads=2, updates=12, batch=8, masks="mixed"
)  # fmt: skip
LAW = Chain.random(5)


def context(seed=0, **fields):
    return Context(seed=seed, device=torch.device("cpu"), **fields)


def draw(n, generator):
    return LAW.sample(n, 6, generator)


def loss_of(config, seed=0):
    model, fit = build(config, context())
    generator = torch.Generator().manual_seed(seed)
    return (model, *batch_loss(model, draw(64, generator), levels_of(config, fit, torch.device("cpu")), generator))


@pytest.mark.parametrize("levels", ["warped", "uniform", "log-uniform"])
def test_levels_lie_in_their_range(levels):
    config = replace(CONFIG, levels=levels)
    _, _, t, _ = loss_of(config)
    assert float(t.min()) >= config.t_min - 1e-5
    assert float(t.max()) <= config.t_max + 1e-3
    middle = float(t.median())
    assert (middle < 0.1 * config.t_max) == (levels == "log-uniform")


def test_an_untrained_network_pays_log_v():
    _, loss, _, entropies = loss_of(CONFIG)
    assert loss.item() == pytest.approx(torch.log(torch.tensor(5.0)).item(), rel=1e-5)
    torch.testing.assert_close(entropies, torch.full((64,), loss.item()))


def test_gradients_reach_rows_only_where_they_are_learnt():
    for learnt in (True, False):
        model, fit = build(replace(CONFIG, learnt=learnt), context())
        torch.nn.init.normal_(model.network.leave.weight, generator=torch.Generator().manual_seed(1))
        generator = torch.Generator().manual_seed(0)
        batch_loss(model, draw(8, generator), fit.warp(), generator)[0].backward()
        assert (model.rows.grad is not None) == learnt
        assert fit.logits.grad is None


def test_the_squared_error_is_that_of_the_estimate():
    model, loss, _, _ = loss_of(replace(CONFIG, loss="squared error", self_conditioning=False, masks="none"))
    generator = torch.Generator().manual_seed(0)
    tokens = draw(64, generator)
    with torch.no_grad():  # untrained: p is uniform, so x̂_0 is the mean of the embeddings
        vectors = model.embeddings()
        expected = (vectors[tokens] - vectors.mean(0)).square().sum(-1).mean()
    assert loss.item() == pytest.approx(float(expected), rel=1e-5)


def test_schedule():
    assert schedule(0, 100) == pytest.approx(0.2)
    assert max(schedule(i, 100) for i in range(100)) > 0.98
    assert schedule(99, 100) < 1e-3


def test_killed_and_resumed_is_the_same(tmp_path):
    def stop(fraction):
        if fraction > 0.55:
            raise KeyboardInterrupt

    whole = train(CONFIG, context(), draw)
    broken = context(checkpoint_path=tmp_path / "c.safetensors", report=stop)
    broken.due = lambda: True
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, broken, draw)
    again = train(CONFIG, context(checkpoint_path=tmp_path / "c.safetensors"), draw)
    assert again[2] == whole[2]
    for one, two in zip(again[:2], whole[:2]):
        assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values()))


def saved():
    model, fit = build(CONFIG, context())
    optimiser = optimiser_of(model, CONFIG)
    tree = {
        "model": model.state_dict(), "optimiser": optimiser.state_dict(), "warp": fit.state_dict(),
        "warp optimiser": fit.optimiser.state_dict(), "curves": {"loss": [1.0]},
    }  # fmt: skip
    return tree, model, fit, optimiser


def test_a_good_checkpoint_is_restored():
    tree, *parts = saved()
    assert restored(tree, *parts, CONFIG) == {"loss": [1.0]}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tree: tree.pop("warp"), "has no 'warp'"),
        (lambda tree: tree.update(curves={"loss": [1.0] * 13}), "update 13 of 12"),
        (lambda tree: tree["model"].update(rows=torch.full((5, 4), float("nan"))), "'rows' is not finite"),
        (lambda tree: tree["model"].update(rows=torch.zeros(9, 4)), "does not fit the model: size mismatch for rows"),
    ],
)
def test_a_corrupt_checkpoint_is_named(spoil, message):
    tree, *parts = saved()
    spoil(tree)
    with pytest.raises(UserError, match=message):
        restored(tree, *parts, CONFIG)


def test_a_loss_that_is_not_finite_names_its_update():
    config = replace(CONFIG, learning_rate=float("inf"))
    with pytest.raises(FloatingPointError, match=r"update [0-9]+: the loss is nan"):
        train(config, context(), draw)


@pytest.mark.parametrize("fields", [{"loss": "hinge"}, {"levels": "sobol"}])
def test_unknown_words_are_named(fields):
    with pytest.raises(ValueError, match=f"unknown '{next(iter(fields.values()))}'"):
        train(replace(CONFIG, **fields), context(), draw)


def test_watch_sees_the_model_on_the_way():
    _, _, curves = train(CONFIG, context(), draw, watch=lambda model: {"norm": float(model.rows.detach().norm())})
    assert curves["update"] == [float(i) for i in range(12)]
    assert len(set(curves["norm"])) == 11  # logits start at zero, so the first update cannot move rows


@pytest.mark.slow
def test_it_learns_the_chain_in_seconds():
    config = replace(CONFIG, masks="none", width=32, updates=300, batch=32, learning_rate=5e-3, levels="log-uniform")
    _, _, curves = train(config, context(), draw)
    assert sum(curves["loss"][-20:]) / 20 < 0.6 * curves["loss"][0]

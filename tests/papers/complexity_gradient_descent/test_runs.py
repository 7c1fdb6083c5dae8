"""Training runs on synthetic images: alone and together, twins, divergence, and one-by-one torch as the oracle."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from replications.papers.complexity_gradient_descent import runs, schedules
from replications.papers.complexity_gradient_descent.schedules import SCHEDULES
from replications.study import Context, Outcome, UserError

SMALL = runs.TrainConfig("constant", decays=(1e-3, 1e-2), width=16, images=200, batch=20, steps=40, looks=4)


def contexts(n: int) -> list[Context]:
    return [Context(seed=seed, device=torch.device("cpu")) for seed in range(n)]


def same(one: Outcome, two: Outcome) -> None:
    assert one.scalars == two.scalars
    assert one.arrays.keys() == two.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name])
    assert {k: list(c.y) for k, c in one.curves.items()} == {k: list(c.y) for k, c in two.curves.items()}


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "sgdw"])
def test_a_run_among_others_equals_the_run_alone(batch_norm: bool, optimizer: str) -> None:
    names = ("constant", "loss", "complexity")
    configs = [dataclasses.replace(SMALL, schedule=n, batch_norm=batch_norm, optimizer=optimizer) for n in names]
    together = runs.run_together(configs, contexts(3))
    for config, context, outcome in zip(configs, contexts(3), together):
        same(outcome, runs.run_together([config], [context])[0])


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("name", ["constant", "rate", "inverse"])
def test_equals_plain_torch_one_network_after_another(name: str) -> None:
    config = dataclasses.replace(SMALL, schedule=name, decays=(3e-2,))
    found = runs.run_together([config], contexts(1))[0]
    batch = runs.Batch([config], contexts(1))
    layers: list[nn.Module] = []
    for w in batch.weights[0]:
        linear = nn.Linear(*w.shape)
        with torch.no_grad():
            linear.weight.copy_(w.T)
            linear.bias.zero_()
        layers += [linear, nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    matrices = [p for p in net.parameters() if p.ndim == 2]
    others = [p for p in net.parameters() if p.ndim == 1]
    optimizer = torch.optim.SGD([{"params": matrices}, {"params": others, "weight_decay": 0.0}], 0.05, momentum=0.9)
    e = runs.relative(config)
    start = schedules.start(name, 3e-2, e)
    k = schedules.multipliers(name, e)
    losses = []
    for step in range(config.steps):
        x, labels = batch.stream([0], step, torch.tensor([0]))
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * float(e[step])
        optimizer.param_groups[0]["weight_decay"] = start * float(k[step])
        loss = nn.functional.cross_entropy(net(x[0]), labels[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert found.arrays["loss"][0] == pytest.approx(np.mean(losses[-10:]), rel=1e-3)
    nll = nn.functional.cross_entropy(net(batch.images.test), batch.images.test_labels)
    assert found.arrays["test_nll"][0] == pytest.approx(nll.item(), rel=1e-3)


@pytest.mark.usefixtures("images")
def test_decoupled_decay_without_momentum_is_l2(monkeypatch: pytest.MonkeyPatch) -> None:
    from replications.papers.complexity_gradient_descent import coefficients

    monkeypatch.setattr(runs, "MOMENTUM", 0.0)
    monkeypatch.setattr(coefficients, "MOMENTUM", 0.0)
    coupled, apart = (
        runs.run_together([dataclasses.replace(SMALL, schedule="rate", optimizer=name)], contexts(1))[0]
        for name in ("sgd", "sgdw")
    )
    np.testing.assert_allclose(coupled.arrays["loss"], apart.arrays["loss"], rtol=1e-4)
    np.testing.assert_allclose(coupled.arrays["norm"], apart.arrays["norm"], rtol=1e-5)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_schedule_trains_and_tells_its_integrated_shrink(name: str) -> None:
    config = dataclasses.replace(SMALL, schedule=name, steps=80)
    found = runs.run_together([config], contexts(1))[0]
    assert found.scalars["accuracy"] > 0.5
    mean = found.arrays["mean_decay"]
    if SCHEDULES[name].by_loss:
        assert (mean < SCHEDULES[name].scale * np.array(config.decays)).all()
        np.testing.assert_allclose(found.arrays["twin_mean_decay"], mean, rtol=1e-5)
        assert (found.arrays["twin_test_nll"] != found.arrays["test_nll"]).all()
    else:
        np.testing.assert_allclose(mean, config.decays, rtol=1e-5)
        assert "twin_test_nll" not in found.arrays


@pytest.mark.usefixtures("images")
def test_divergence_is_a_result_with_its_step() -> None:
    config = dataclasses.replace(SMALL, schedule="loss", learning_rates=(0.05, 1e7))
    found = runs.run_together([config], contexts(1))[0]
    at = found.arrays["diverged_at"]
    assert at[:2].tolist() == [-1, -1]
    assert (at[2:] > 0).all()
    assert (at[2:] < 10).all()
    assert found.scalars["diverged_share"] == 0.5
    assert found.arrays["test_nll"][2:].tolist() == pytest.approx([np.log(10.0)] * 2)
    assert np.isfinite(found.arrays["test_nll"]).all()
    last = dataclasses.replace(config, steps=7)  # diverges after the last time that the program sorts members out
    ended = runs.run_together([last], contexts(1))[0]
    assert (ended.arrays["diverged_at"][2:] >= 0).all()
    assert ended.arrays["test_accuracy"][2:].tolist() == pytest.approx([0.1, 0.1])


@pytest.mark.usefixtures("images")
def test_stronger_l2_leaves_smaller_weights() -> None:
    found = runs.run_together([dataclasses.replace(SMALL, decays=(0.0, 0.03, 0.3))], contexts(1))[0]
    assert (np.diff(found.arrays["norm"][:, -1]) < 0).all()
    assert np.isfinite(found.arrays["angle"]).all()


@pytest.mark.usefixtures("images")
def test_a_seed_trains_on_its_own_images_each_as_often_as_the_next() -> None:
    batch = runs.Batch([SMALL, SMALL], contexts(2))
    one, two = batch.orders
    assert set(one.tolist()) != set(two.tolist())
    counts = torch.bincount(one)
    assert len(counts[counts > 0]) == SMALL.images
    assert (counts[counts > 0] == SMALL.steps * SMALL.batch // SMALL.images).all()


def test_programs_share_shapes_only() -> None:
    key = runs.program(SMALL)
    assert runs.program(dataclasses.replace(SMALL, schedule="loss", decays=(1e-2,), learning_rates=(0.1,))) == key
    for change in ({"width": 8}, {"batch_norm": True}, {"optimizer": "sgdw"}, {"annealing": "steps"}, {"steps": 2}):
        assert runs.program(dataclasses.replace(SMALL, **change)) != key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decays": (1e-3, -1e-3)}, "λ = -0.001: it must be 0 or more"),
        ({"learning_rates": (0.0,)}, "η = 0: it must be above 0"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
        ({"batch": 300}, "a batch of 300 of 200 images"),
    ],
)
def test_bad_input_is_refused_in_one_line(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        dataclasses.replace(SMALL, **change)
    with pytest.raises(ValueError, match="unknown schedule 'magic'"):
        dataclasses.replace(SMALL, schedule="magic")

"""Residual networks: augmentation, the step, and a run that is interrupted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from replications.data import cifar10
from replications.papers.complexity_gradient_descent import resnets
from replications.study import Context, UserError

SMALL = resnets.ResNetConfig("loss", decays=(1e-3, 1e-2), batch=8, epochs=1)


@pytest.fixture
def photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CIFAR-10 of noise."""
    monkeypatch.setattr(resnets, "VALIDATION", 10)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (60, 3, 32, 32), generator=generator).to(torch.uint8)
    labels = torch.randint(10, (60,), generator=generator)
    monkeypatch.setattr(cifar10, "load", lambda: cifar10.CIFAR10(images[:50], labels[:50], images[50:], labels[50:]))


def test_augmentation_shifts_and_mirrors_and_changes_no_pixel() -> None:
    x = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0)) + 0.1
    found = resnets.augment(x, torch.Generator().manual_seed(1))
    assert found.shape == x.shape
    shown, original = found[0][found[0] > 0], set(x[0].flatten().tolist())
    assert set(shown.tolist()) <= original
    centre = found[:, :, PAD:-PAD, PAD:-PAD]
    assert (centre > 0).all()  # shifts of at most PAD keep the middle inside


PAD = resnets.PAD


def test_a_step_uses_the_coefficients_it_is_given() -> None:
    net = resnets.Classifier("tiny", torch.Generator().manual_seed(0))
    optimizer = resnets.optimizer_of(net, 0.05)
    assert len(net.matrices()) + len(net.others()) == len(list(net.parameters()))
    x, labels = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)), torch.arange(4)
    before = [p.detach().clone() for p in net.matrices()]
    resnets.step(net, optimizer, x, labels, 0.0, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(before, net.matrices()))
    assert optimizer.param_groups[0]["weight_decay"] == 0.5
    assert optimizer.param_groups[1]["weight_decay"] == 0.0
    first = float(resnets.step(net, optimizer, x, labels, 0.05, 1e-4))
    for _ in range(8):
        last = float(resnets.step(net, optimizer, x, labels, 0.05, 1e-4))
    assert last < first


@pytest.mark.usefixtures("photographs")
def test_a_run_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resnets.run(SMALL, Context(0, torch.device("cpu")))
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")

    class Killed(Exception):
        pass

    for stop in (3, 8):  # inside the first network, and inside the second
        path = tmp_path / f"{stop}.safetensors"
        context = Context(0, torch.device("cpu"), checkpoint_path=path, checkpoint_key={"identity": "x"})
        real, count = resnets.step, [0]

        def dying(*args: object, real=real, count=count, stop=stop) -> torch.Tensor:  # type: ignore[no-untyped-def]
            count[0] += 1
            if count[0] > stop:
                raise Killed
            return real(*args)

        monkeypatch.setattr(resnets, "step", dying)
        with pytest.raises(Killed):
            resnets.run(SMALL, context)
        monkeypatch.setattr(resnets, "step", real)
        again = resnets.run(SMALL, context)
        assert again.scalars == whole.scalars
        for name, values in whole.arrays.items():
            np.testing.assert_array_equal(values, again.arrays[name])


@pytest.mark.usefixtures("photographs")
def test_divergence_is_recorded() -> None:
    found = resnets.run(dataclasses.replace(SMALL, rate=1e12), Context(0, torch.device("cpu")))
    assert (found.arrays["diverged_at"] > 0).all()
    assert found.scalars["nll"] == pytest.approx(np.log(10.0))


def test_bad_input_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="λ = -1: it must be 0 or more"):
        resnets.ResNetConfig("loss", decays=(-1.0,))
    with pytest.raises(UserError, match="unknown network 'vgg'"):
        resnets.ResNetConfig("loss", network="vgg")
    with pytest.raises(ValueError, match="unknown schedule 'magic'"):
        resnets.ResNetConfig("magic")

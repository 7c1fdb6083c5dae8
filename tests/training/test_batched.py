"""The batched perceptrons against autograd, against torch's own layers and optimisers, and against themselves alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from replications.training.batched import Perceptrons, train
from replications.training.batched_layers import RELU, Activation
from replications.training.batched_optimizers import SGD, Adam

SIZES = ((6, 8), (8, 8), (8, 3))
BATCH = 16


def perceptrons(members: int, seed: int = 0, batch_norm: bool = False, double: bool = False) -> Perceptrons:
    dtype = torch.float64 if double else torch.float32
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(members, *size, generator=generator, dtype=dtype) / size[0] ** 0.5 for size in SIZES]
    biases = [0.1 * torch.randn(members, 1, size[1], generator=generator, dtype=dtype) for size in SIZES]
    one = torch.linspace(0.5, 1.5, members, dtype=dtype)[:, None, None]
    return Perceptrons(weights, biases, Activation(RELU, one, 0.3 * one, -0.2 * one), batch_norm)


def batches(members: int, double: bool = False) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
    def batch(step: int, alive: Tensor) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(members, BATCH, 6, generator=generator, dtype=torch.float64 if double else torch.float32)
        return x[alive], torch.randint(3, (members, BATCH), generator=generator)[alive]

    return batch


class Reference(nn.Module):
    """One member as an ordinary torch module in float64."""

    def __init__(self, nets: Perceptrons, member: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(w[member].clone()) for w in nets.weights])
        self.biases = nn.ParameterList([nn.Parameter(b[member, 0].clone()) for b in nets.biases])
        form = nets.activation
        self.form = [float(c[member]) for c in (form.scale, form.tilt, form.shift)]
        self.norms = nn.ModuleList([nn.BatchNorm1d(8, dtype=torch.float64) for _ in nets.norms])

    def forward(self, x: Tensor) -> Tensor:
        scale, tilt, shift = self.form
        for layer, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = x @ w + b
            if layer < len(self.weights) - 1:
                x = self.norms[layer](x) if self.norms else x
                x = scale * torch.relu(x) + tilt * x + shift
        return x


def _reference_losses(model: Reference, optimizer: torch.optim.Optimizer, member: int, members: int) -> list[float]:
    losses = []
    for step in range(6):
        x, labels = batches(members, double=True)(step, torch.arange(members))
        loss = nn.functional.cross_entropy(model(x[member]), labels[member])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("kind", ["sgd", "l2", "adam"])
def test_equals_autograd_and_torchs_optimiser(batch_norm: bool, kind: str) -> None:
    members, rates = 3, torch.tensor([0.02, 0.1, 0.3], dtype=torch.float64)
    nets = perceptrons(members, batch_norm=batch_norm, double=True)
    references = [Reference(nets, member) for member in range(members)]
    decay = torch.tensor([0.0, 0.01, 0.1], dtype=torch.float64)
    ours = Adam(rates / 10) if kind == "adam" else SGD(rates, 0.9, l2=decay if kind == "l2" else None)
    losses = train(nets, ours, batches(members, double=True), 6).losses
    x = torch.randn(members, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(99))
    for member, model in enumerate(references):
        rate = float(rates[member])
        theirs: torch.optim.Optimizer
        if kind == "adam":
            theirs = torch.optim.Adam(model.parameters(), rate / 10)
        else:
            matrices = {"params": list(model.weights), "weight_decay": float(decay[member]) if kind == "l2" else 0.0}
            others = [p for name, p in model.named_parameters() if not name.startswith("weights")]
            theirs = torch.optim.SGD([matrices, {"params": others}], rate, momentum=0.9)
        expected = _reference_losses(model, theirs, member, members)
        assert losses[:, member].tolist() == pytest.approx(expected, rel=1e-6)
        model.eval()
        with torch.no_grad():
            torch.testing.assert_close(nets.logits(x)[member], model(x[member]), rtol=1e-6, atol=1e-8)


def test_decoupled_decay_shrinks_weights_by_its_own_factor() -> None:
    nets = perceptrons(2)
    before = [w.clone() for w in nets.weights]
    optimizer = SGD(torch.zeros(2), 0.9, decay=torch.tensor([0.0, 0.25]))
    train(nets, optimizer, batches(2), 1)
    for old, new in zip(before, nets.weights):
        assert torch.equal(new[0], old[0])
        assert torch.equal(new[1], 0.75 * old[1])


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("optimizer", [SGD, Adam])
@pytest.mark.parametrize("chosen", [torch.tensor([2]), torch.tensor([1, 4])], ids=["alone", "in a pair"])
def test_a_member_among_others_ends_bit_for_bit_as_without_them(
    batch_norm: bool, optimizer: type, chosen: Tensor
) -> None:
    rates = torch.tensor([0.01, 0.03, 0.05, 0.08, 0.02, 0.04])
    crowd = perceptrons(6, batch_norm=batch_norm)
    few = perceptrons(6, batch_norm=batch_norm)
    few.keep(chosen)
    together = train(crowd, optimizer(rates), batches(6), 30)
    alone = train(few, optimizer(rates[chosen]), lambda step, alive: batches(6)(step, chosen[alive]), 30)
    assert torch.equal(together.losses[:, chosen], alone.losses)
    assert all(torch.equal(a[chosen], b) for a, b in zip(crowd.weights, few.weights))


def test_a_divergence_is_recorded_with_its_step_and_leaves_the_others_alone() -> None:
    rates = torch.tensor([0.05, 1e6, 0.05])
    nets, control = perceptrons(3), perceptrons(3)
    control.keep(torch.tensor([0, 2]))
    seen: list[list[int]] = []
    found = train(
        nets,
        SGD(rates),
        batches(3),
        40,
        look=lambda step, nets, alive: seen.append(alive.tolist()),
        look_at=(0, 20, 40),
    )
    kept = torch.tensor([0, 2])
    expected = train(control, SGD(rates[kept]), lambda step, alive: batches(3)(step, kept[alive]), 40)
    assert found.diverged[kept].tolist() == [-1, -1]
    step = int(found.diverged[1])
    assert 0 < step < 10
    assert torch.isfinite(found.losses[:step, 1]).all()
    assert torch.isnan(found.losses[step:, 1]).all()
    assert torch.equal(found.losses[:, kept], expected.losses)
    assert seen == [[0, 1, 2], [0, 2], [0, 2]]
    assert nets.members == 2


def test_training_stops_when_every_member_has_diverged() -> None:
    found = train(perceptrons(2), SGD(torch.tensor([1e6, 1e7])), batches(2), 50)
    assert (found.diverged >= 0).all()


def test_a_schedule_changes_coefficients_from_past_losses() -> None:
    optimizer = SGD(torch.full((2,), 0.1), 0.0)
    nets = perceptrons(2)
    before = [w.clone() for w in nets.weights]

    def schedule(step: int, losses: Tensor, alive: Tensor) -> None:
        assert torch.isnan(losses[step:]).all()
        optimizer.learning_rate = torch.zeros(len(alive))

    train(nets, optimizer, batches(2), 3, schedule=schedule)
    assert all(torch.equal(a, b) for a, b in zip(before, nets.weights))


def test_it_learns() -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(300, 6, generator=generator)
    labels = (x @ torch.randn(6, 3, generator=generator)).argmax(1)
    nets = perceptrons(2)

    def batch(step: int, alive: Tensor) -> tuple[Tensor, Tensor]:
        rows = torch.randint(300, (len(alive), BATCH), generator=generator)
        return x[rows], labels[rows]

    train(nets, SGD(torch.tensor([0.02, 0.05])), batch, 300)
    accuracy = (nets.logits(x.expand(2, -1, -1)).argmax(-1) == labels).float().mean(1)
    assert (accuracy > 0.9).all()


def test_shapes_that_cannot_be_are_refused() -> None:
    w, b = torch.zeros(1, 3, 4), torch.zeros(1, 1, 4)
    with pytest.raises(ValueError, match="depth 0"):
        Perceptrons([w], [b], Activation.shared(RELU, 1))
    with pytest.raises(ValueError, match="needs a bias"):
        Perceptrons([w, torch.zeros(1, 4, 2)], [b, b], Activation.shared(RELU, 1))

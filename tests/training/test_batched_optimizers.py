"""Steps on a parameter whose gradient is known, against torch's optimisers member by member."""

import pytest
import torch

from replications.training.batched_optimizers import SGD, Adam

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.randn(5, 2, 8, 3, generator=GENERATOR, dtype=torch.float64)  # (steps, members, batch, in)
DELTAS = torch.randn(5, 2, 8, 4, generator=GENERATOR, dtype=torch.float64)  # (steps, members, batch, out)
WEIGHT = torch.randn(2, 3, 4, generator=GENERATOR, dtype=torch.float64)
RATES = torch.tensor([0.01, 0.1], dtype=torch.float64)
L2 = torch.tensor([0.0, 0.3], dtype=torch.float64)


@pytest.mark.parametrize("kind", ["sgd", "l2", "adam"])
def test_equals_torch(kind: str) -> None:
    ours: SGD | Adam = Adam(RATES) if kind == "adam" else SGD(RATES, 0.9, l2=L2 if kind == "l2" else None)
    matrix, vector = WEIGHT.clone(), WEIGHT[:, :1].clone()
    for x, delta in zip(INPUTS, DELTAS):
        ours.start_step()
        ours.matrix("w", matrix, x, delta)
        ours.vector("b", vector, delta.sum(1, keepdim=True))
    for member in range(2):
        w, b = (torch.nn.Parameter(start[member].clone()) for start in (WEIGHT, WEIGHT[:, :1]))
        rate, decay = float(RATES[member]), float(L2[member]) if kind == "l2" else 0.0
        theirs: torch.optim.Optimizer = (
            torch.optim.Adam([w, b], rate)
            if kind == "adam"
            else torch.optim.SGD([{"params": [w], "weight_decay": decay}, {"params": [b]}], rate, momentum=0.9)
        )
        for x, delta in zip(INPUTS, DELTAS):
            w.grad, b.grad = x[member].T @ delta[member], delta[member].sum(0, keepdim=True)
            theirs.step()
        torch.testing.assert_close(matrix[member], w.detach())
        torch.testing.assert_close(vector[member], b.detach())


def test_sgdw_equals_l2_without_momentum_at_decay_rate_times_l2() -> None:
    one, two = WEIGHT.clone(), WEIGHT.clone()
    coupled, decoupled = SGD(RATES, 0.0, l2=L2), SGD(RATES, 0.0, decay=RATES * L2)
    for optimizer, weight in ((coupled, one), (decoupled, two)):
        for x, delta in zip(INPUTS, DELTAS):
            optimizer.start_step()
            optimizer.matrix("w", weight, x, delta)
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_kept_member_goes_on_as_if_alone(kind: type) -> None:
    def steps(optimizer: SGD | Adam, weight: torch.Tensor, members: slice, which: slice) -> None:
        for x, delta in zip(INPUTS[which], DELTAS[which]):
            optimizer.start_step()
            optimizer.matrix("w", weight, x[members], delta[members])

    both, lone = WEIGHT.clone(), WEIGHT[1:].clone()
    crowd, alone = kind(RATES), kind(RATES[1:])
    steps(crowd, both, slice(None), slice(0, 2))
    crowd.keep(torch.tensor([1]))
    kept = both[1:].clone()
    steps(crowd, kept, slice(1, None), slice(2, None))
    steps(alone, lone, slice(1, None), slice(None))
    torch.testing.assert_close(kept, lone)

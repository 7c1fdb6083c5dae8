"""Race: a Tucker layer at tenfold compression against the dense layer that it replaces, forward and backward.

Same features, batch of 32, one thread, float32; CPU seconds, the least of seven repeats after a warm-up. One member, as
in a run alone, and five side by side, as the seeds of a condition train. Correctness first: at full rank the Tucker layer
must give the dense layer's outputs before anything is timed.
"""

import time

import pytest
import torch

from replications.papers.bio_inspired_rl import method
from replications.papers.bio_inspired_rl.layers import Linear, Tucker, make_layer

BATCH, REPEATS, CALLS, SEEDS = 32, 7, 40, 5
SHAPES = {  # features (C, H, W), units, ranks: a tenth of the dense layer's coefficients
    "MinAtar": ((16, 8, 8), 128, (8, 4, 4, 49)),
    "Nature": ((64, 7, 7), 512, (32, 4, 4, 154)),
    "data-efficient": ((64, 3, 3), 256, (32, 2, 2, 32)),
}


def gate() -> None:
    features, units = (6, 4, 4), 10
    weight = torch.randn(*features, units, dtype=torch.float64)
    core, c, h, w, out = method.decompose_tucker(weight, (*features, units))
    named = {"core": core, "c": c, "h": h, "w": w, "out": out}
    weights = {f"x.{name}.w": part[None] for name, part in named.items()} | {
        "x.out.b": torch.zeros(1, 1, units, dtype=torch.float64)
    }
    x = torch.randn(1, 5, 4, 4, 6, dtype=torch.float64)
    found = Tucker("x", features, units, (*features, units))(weights, x)
    torch.testing.assert_close(found[0], torch.einsum("bhwc,chwo->bo", x[0], weight))


def seconds(layer: Linear | Tucker, features: tuple[int, int, int], units: int, members: int) -> float:
    generator = torch.Generator().manual_seed(0)
    starts = [layer.start(generator) for _ in range(members)]
    weights = {name: torch.stack([start[name] for start in starts]).requires_grad_() for name in starts[0]}
    channels, height, width = features
    x = torch.randn(members, BATCH, height, width, channels, generator=generator).requires_grad_()
    pull = torch.randn(members, BATCH, units, generator=generator)
    wanted = [x, *weights.values()]

    def call() -> float:
        return sum(float(g.flatten()[0]) for g in torch.autograd.grad(layer(weights, x), wanted, pull))

    call()
    best = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(CALLS):
            call()
        best = min(best, (time.process_time() - start) / CALLS)
    return best


@pytest.mark.slow
def test_tucker_against_the_dense_layer_it_replaces() -> None:
    gate()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {}
        for name, (features, units, ranks) in SHAPES.items():
            dense = make_layer("x", "dense", features, units, ())
            tucker = make_layer("x", "tucker", features, units, ranks)
            assert isinstance(dense, Linear)
            assert isinstance(tucker, Tucker)
            assert tucker.count() * 10 <= dense.count() * 1.005
            for members in (1, SEEDS):
                race = features, units, members
                found[name, members] = seconds(dense, *race), seconds(tucker, *race)
    finally:
        torch.set_num_threads(threads)
    print()
    for (name, members), (dense_s, tucker_s) in found.items():
        times = f"dense {1e3 * dense_s:.3f} ms, Tucker {1e3 * tucker_s:.3f} ms, {dense_s / tucker_s:.2f} × as fast"
        print(f"{name}, {members} member{'s' if members > 1 else ''}: {times}")
    assert all(tucker_s <= dense_s for (_, members), (dense_s, tucker_s) in found.items() if members == SEEDS)
    assert found["Nature", 1][1] <= found["Nature", 1][0]

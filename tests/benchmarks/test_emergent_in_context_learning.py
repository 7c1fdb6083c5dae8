"""What a training step costs: printed; only the written-out step must win. Run with `pytest -s tests/benchmarks`."""

import time

import torch
from torch.nn import functional

from replications.papers.emergent_in_context_learning import bench, fast
from replications.papers.emergent_in_context_learning.method import Sampler, Task
from replications.papers.emergent_in_context_learning.recurrent import KINDS, Recurrent

BATCH = 128
SEEDS = 3


def milliseconds(call, times: int = 20, repeats: int = 5) -> float:
    """CPU milliseconds of a call, the least of `repeats` means over `times`."""
    call()
    return min(_mean(call, times) for _ in range(repeats))


def _mean(call, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times * 1e3


def batch():
    draw = torch.Generator().manual_seed(0)
    task = Task(1024, 32)
    world = bench.World.drawn(task, 0.1, draw)
    sampler = Sampler(task, draw)
    sequences, asked = sampler.train(BATCH)
    return world, sampler, sequences, asked, draw


def test_the_written_out_step_beats_automatic_differentiation():
    world, sampler, sequences, asked, draw = batch()
    x, positions = world.tokens(sequences, draw)
    parameters = bench.initial(32, draw)
    network = fast.Network(parameters, x.shape[1])
    twin = bench.Parameters(parameters.shapes, parameters.flat.clone().requires_grad_())

    def plain():
        twin.flat.grad = None
        functional.cross_entropy(bench.forward(twin, x), asked).backward()

    network.step(x, positions, asked)
    plain()
    torch.testing.assert_close(network.g.flat, twin.flat.grad, rtol=1e-4, atol=1e-6)
    parameters.flat.grad = network.g.flat
    adam = torch.optim.AdamW([parameters.flat], 1e-3, fused=True)
    slow, quick = milliseconds(plain, 5), milliseconds(lambda: network.step(x, positions, asked))
    print(f"\nforward and backward: by definition {slow:.2f} ms, written out {quick:.2f} ms")
    print(f"tokens {milliseconds(lambda: world.tokens(sequences, draw)):.2f} ms, Adam {milliseconds(adam.step):.2f} ms")
    print(f"sequences of 50 steps {milliseconds(lambda: sampler.train(50 * BATCH), 2):.2f} ms")
    assert quick < slow / 2


def test_matrix_products_of_several_seeds_in_one_call():
    draw = torch.Generator().manual_seed(0)
    for rows, inputs in ((BATCH * 17, bench.CONTENT), (BATCH, bench.WIDTH)):
        x = torch.randn(SEEDS, rows, inputs, generator=draw)
        weights = torch.randn(SEEDS, inputs, bench.WIDTH, generator=draw)
        together = milliseconds(lambda x=x, weights=weights: torch.bmm(x, weights))
        apart = milliseconds(lambda x=x, weights=weights: [a @ b for a, b in zip(x, weights)])
        print(
            f"{SEEDS} products ({rows}, {inputs}) × ({inputs}, {bench.WIDTH}): one call {together:.3f} ms, three {apart:.3f}"
        )
        assert together > 0


def test_recurrent_steps():
    world, _, sequences, asked, draw = batch()
    x, positions = world.tokens(sequences, draw)
    for kind in KINDS:
        network = Recurrent(kind, 32, 151_555, draw)
        took = milliseconds(lambda network=network: network.step(x, positions, asked), 5)
        print(f"{kind}: {took:.1f} ms a step")
        assert took > 0

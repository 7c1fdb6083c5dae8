"""A run of the bench: same seed, same numbers; killed and resumed, the same numbers; and the trade-off in small."""

from dataclasses import replace

import pytest
import torch

from replications.papers.emergent_in_context_learning import training
from replications.papers.emergent_in_context_learning.training import BenchConfig, circuits, make_probes, measure, train
from replications.study import Context

CPU = torch.device("cpu")
TINY = BenchConfig(classes=64, labels=8, steps=6, batch=8, look=3, probe=40, final=60)


@pytest.mark.parametrize("network", ["transformer", "lstm"])
def test_a_run_is_a_function_of_its_seed_and_resumes_bit_for_bit(network, tmp_path, monkeypatch):
    monkeypatch.setenv("REPLICATIONS_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(training, "PORTION", 2)
    config = replace(TINY, network=network, parameters=20_000, steps=20, look=10)
    whole = train(config, Context(0, CPU))
    assert whole.scalars != train(config, Context(1, CPU)).scalars

    def stop(fraction):
        if fraction >= 0.5:
            raise KeyboardInterrupt

    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(config, Context(0, CPU, stop, path, {"identity": "a"}))
    assert path.exists()
    resumed = train(config, Context(0, CPU, checkpoint_path=path, checkpoint_key={"identity": "a"}))
    assert resumed.scalars == whole.scalars
    assert resumed.curves == whole.curves
    assert all((resumed.arrays[name] == whole.arrays[name]).all() for name in whole.arrays)


def test_what_a_run_leaves():
    outcome = train(TINY, Context(0, CPU))
    assert outcome.steps == 6
    assert outcome.samples == 48
    assert outcome.curves["ic"].x == [0.0, 3.0, 6.0]
    assert outcome.scalars["ic_drop"] == outcome.scalars["ic_peak"] - outcome.scalars["ic"]
    assert outcome.arrays["first_after"].shape == (17, 17)
    assert outcome.arrays["second_after"].shape == (8, 17)
    assert outcome.arrays["same_before"].sum(1).min() >= 2


def test_probes_differ_where_they_must():
    draw = torch.Generator().manual_seed(0)
    world = training.bench.World.drawn(TINY.task(), 0.1, draw)
    probes = make_probes(TINY.task(), world, 50, draw)
    assert tuple(probes) == training.PROBES
    assert probes["ic"].world.means.shape != world.means.shape
    assert probes["ic"].world.labels is world.labels
    assert probes["ic2"].world is probes["iw"].world is world


def test_the_halves_of_an_induction_head_are_read_off_the_right_tokens():
    """With the trace of a perfect head in place of the network's, both masses are one."""
    draw = torch.Generator().manual_seed(0)
    task = TINY.task()
    world = training.bench.World.drawn(task, 0.1, draw)
    probe = make_probes(task, world, 20, draw)["ic"]
    same = (probe.sequences.classes == probe.sequences.query[:, None]).float()

    class Perfect:
        def forward(self, x, positions):
            first = torch.zeros(len(x), 17, 17)
            for label in range(1, 17, 2):
                first[:, label, label - 1] = 1.0
            second = torch.zeros(len(x), 17)
            second[:, 1::2] = same / same.sum(1, keepdim=True)
            return None, type("Trace", (), {"first": first, "second": second})

    halves, (first, second, marked) = circuits(Perfect(), probe, draw)
    assert halves == {"previous": 1.0, "match": pytest.approx(1.0)}
    assert first.shape == (17, 17)
    assert torch.equal((second[:, 1::2] > 0).float(), marked)


def test_a_network_learns_in_weights_without_bursts():
    """A short run on few classes: what it has never seen in bursts it can only store."""
    config = replace(TINY, classes=16, bursty=0.0, steps=300, look=100, batch=64, lr=3e-3, probe=200, final=400)
    found = train(config, Context(0, CPU)).scalars
    assert found["iw"] > 0.9
    assert found["ic"] < 0.3
    assert found["loss"] < 0.5


def test_measure_counts_every_sequence_once():
    class Constant:
        def logits(self, x, positions):
            return torch.eye(8)[0].expand(len(x), 8)

    draw = torch.Generator().manual_seed(0)
    world = training.bench.World.drawn(TINY.task(), 0.1, draw)
    probes = make_probes(TINY.task(), world, 130, draw)  # more than one batch, and a rest
    found = measure(Constant(), probes, draw)
    assert found["iw"] == pytest.approx(float((probes["iw"].sequences.target == 0).double().mean()))


def test_a_loss_that_is_not_finite_ends_the_run():
    with pytest.raises(FloatingPointError, match="not finite before step 3: lower lr = inf"):
        train(replace(TINY, lr=float("inf")), Context(0, CPU))

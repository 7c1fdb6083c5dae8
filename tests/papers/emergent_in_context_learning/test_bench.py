"""The Gaussian bench: items, tokens, and a network built by hand that is an induction head and nothing else."""

import math

import pytest
import torch

from replications.papers.emergent_in_context_learning import bench
from replications.papers.emergent_in_context_learning.bench import CONTENT, SLOTS, WIDTH
from replications.papers.emergent_in_context_learning.method import Sampler, Task
from replications.papers.emergent_in_context_learning.training import among, make_probes

TASK = Task(256, 32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def world(noise=0.1):
    return bench.World.drawn(TASK, noise, generator(1))


def test_the_network_has_the_number_of_parameters_of_its_formula():
    assert bench.initial(32, generator()).flat.numel() == 9 * 128**2 + 3 + 32 * 128 == 151_555


def test_named_matrices_are_views_of_one_vector():
    parameters = bench.initial(32, generator())
    parameters["V1"].zero_()
    parameters.flat.add_(1.0)
    assert (parameters["V1"] == 1).all()


def test_initial_weights_have_the_stated_spread():
    parameters = bench.initial(32, generator())
    for name, deviation in (("Q1", 1 / math.sqrt(63)), ("W2", math.sqrt(2 / 128)), ("readout", 1 / math.sqrt(128))):
        assert float(parameters[name].std()) == pytest.approx(deviation, rel=0.05)
    assert float(parameters["b1"]) == 0.0


@pytest.mark.parametrize(("noise", "cosine"), [(0.1, 0.990), (0.75, 0.64), (1.0, 0.5)])
def test_items_have_length_one_and_the_expected_cosine_within_a_class(noise, cosine):
    sequences, _ = Sampler(TASK, generator()).train(2000)
    x, _ = world(noise).tokens(sequences, generator())
    items = x[:, 0::2, SLOTS:]
    assert float((items**2).sum(-1).mean()) == pytest.approx(1.0, abs=0.02)
    query = items[:, -1]
    same = sequences.classes == sequences.query[:, None]
    products = (items[:, :-1] * query[:, None]).sum(-1)[same]
    assert float(products.mean()) == pytest.approx(cosine, abs=0.02)


def test_a_sequence_is_item_label_item_at_consecutive_random_places():
    sequences, _ = Sampler(TASK, generator()).train(300)
    here = world()
    x, positions = here.tokens(sequences, generator())
    assert x.shape == (300, 17, WIDTH)
    assert torch.equal(x[..., :SLOTS].argmax(-1), positions)
    assert (x[..., :SLOTS].sum(-1) == 1).all()
    assert (positions.diff(dim=1) == 1).all()
    assert len(positions[:, 0].unique()) == SLOTS - 17 + 1
    assert torch.equal(x[:, 1::2, SLOTS:], here.labels[sequences.labels])


def test_the_querys_label_is_no_input():
    sequences, _ = Sampler(TASK, generator()).train(20)
    other = Sampler(TASK, generator()).train(20)[0]
    other.target.add_(1)
    one, two = (world().tokens(s, generator(3))[0] for s in (sequences, other))
    assert torch.equal(one, two)
    assert (other.target != sequences.target).all()


def test_the_future_does_not_change_the_past():
    parameters = bench.initial(32, generator())
    x, _ = world().tokens(Sampler(TASK, generator()).train(4)[0], generator())
    full = bench.forward(parameters, x[:, :9])
    changed = x.clone()
    changed[:, 9:] += 1.0
    assert torch.equal(full, bench.forward(parameters, changed[:, :9]))
    assert not torch.allclose(bench.forward(parameters, x), bench.forward(parameters, changed))


def test_a_sequence_longer_than_the_positions_is_refused():
    task = Task(256, 32, pairs=40)
    with pytest.raises(ValueError, match="pairs = 40: 81 tokens"):
        world().tokens(Sampler(task, generator()).train(2)[0], generator())


class InductionHead:
    """Layer 1 gives every label token the item before it; layer 2 finds the query's item and copies the label."""

    def __init__(self, here):
        self.world = here

    def logits(self, x, positions):
        items, labels = x[:, 0::2, SLOTS:], x[:, 1::2, SLOTS:]
        match = (40 * items[:, -1:] @ items[:, :-1].transpose(1, 2)).softmax(-1)  # (R, 1, N)
        return (match @ labels)[:, 0] @ self.world.labels.T


class Memory:
    """The label of the class mean nearest to the query, the context unread."""

    def __init__(self, here):
        self.world = here

    def logits(self, x, positions):
        nearest = (x[:, -1, SLOTS:] @ self.world.means.T).argmax(1)
        return torch.nn.functional.one_hot(TASK.first_label(nearest), TASK.labels).float()


def accuracies(model, here):
    from replications.papers.emergent_in_context_learning.training import measure

    return measure(model, make_probes(TASK, here, 500, generator(2)), generator(3))


def test_the_probes_know_an_induction_head_from_a_memory():
    here = world()
    head, memory = accuracies(InductionHead(here), here), accuracies(Memory(here), here)
    assert head["ic"] > 0.95
    assert head["ic2"] > 0.95
    assert head["iw"] < 0.15  # chance level: labels of other classes that happen to be the query's
    assert memory["iw"] > 0.95
    assert memory["iw_rest"] > 0.95
    assert memory["ic"] < 0.12
    assert memory["ic2"] < 0.05


def test_open_and_closed_accuracy_differ():
    """A network that knows nothing is right in 1 of 32 openly, and in about a quarter among four labels in context."""

    class Nothing:
        def logits(self, x, positions):
            return torch.randn(len(x), TASK.labels, generator=generator(int(positions.sum())))

    found = accuracies(Nothing(), world())
    assert found["ic"] == pytest.approx(1 / 32, abs=0.03)
    assert found["ic_closed"] == pytest.approx(0.27, abs=0.06)
    assert found["ic_copied"] == pytest.approx(1 - (31 / 32) ** 4, abs=0.05)


def test_the_closed_prediction_is_the_best_label_in_context():
    logits = torch.tensor([[9.0, 1.0, 2.0, 3.0]])
    assert among(logits, torch.tensor([[1, 2, 1, 3]])).item() == 3


def test_content_and_positions_fill_the_width():
    assert SLOTS + CONTENT == WIDTH == 128

"""What of the CUDA graph can be seen on a CPU: gradients of this batch alone, and batches that do not fit."""

import pytest
import torch

from replications.papers.recurrent_discounted_attention.graphs import Graphed, copy_into


def test_on_the_cpu_the_objective_is_called_and_gradients_are_of_one_batch():
    weight = torch.nn.Parameter(torch.ones(2))

    def objective(x):
        return (weight * x).sum()[None], x + 1

    gradients = Graphed(objective, [weight], graph=True)
    for scale in (1.0, 5.0):
        loss, other = gradients(torch.full((2,), scale))
        assert not loss.requires_grad
        assert loss.item() == 2 * scale
        assert weight.grad.tolist() == [scale, scale]
        assert other.tolist() == [scale + 1, scale + 1]


def test_a_recorded_batch_is_filled_in_place():
    places = [torch.zeros(2), None, torch.zeros(1)]
    copy_into(places, [torch.ones(2), None, torch.full((1,), 3.0)])
    assert places[0].tolist() == [1, 1]
    assert places[2].item() == 3


@pytest.mark.parametrize("values", [[torch.ones(3), None], [torch.ones(2), torch.ones(1)], [None, None]])
def test_another_shape_is_refused(values):
    with pytest.raises(ValueError, match="recorded for shape"):
        copy_into([torch.zeros(2), None], values)


def test_another_number_of_inputs_is_refused():
    with pytest.raises(ValueError, match="recorded for 1 inputs, got 2"):
        copy_into([torch.zeros(2)], [torch.zeros(2), torch.zeros(2)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_graph_gives_what_a_call_gives():
    from replications.papers.recurrent_discounted_attention.tasks import multicopy
    from replications.papers.recurrent_discounted_attention.training import objective
    from replications.papers.recurrent_discounted_attention.units import Model

    task, found = multicopy(1), []
    for graph in (False, True):
        model = Model("rda-exp-tanh", 10, 16, 9, torch.Generator().manual_seed(0)).cuda()
        gradients = Graphed(lambda *b, m=model: objective(m, task, *b), list(model.parameters()), graph=graph)
        for seed in range(3):
            scores = gradients(*task.draw(4, torch.Generator("cuda").manual_seed(seed)))[0]
        found.append((scores, model.unit.w_h.grad))
    torch.testing.assert_close(found[0], found[1])

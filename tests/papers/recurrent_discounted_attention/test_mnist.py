"""Sequential MNIST on made-up pictures."""

import pytest
import torch

from replications.data.mnist import MNIST
from replications.papers.recurrent_discounted_attention import mnist
from replications.papers.recurrent_discounted_attention.study import Config
from replications.papers.recurrent_discounted_attention.tasks import pixels
from replications.papers.recurrent_discounted_attention.units import Model
from replications.study import Context


def pictures(count=60):
    """Class k is a picture of one grey, so that the last pixel alone tells it."""
    labels = torch.arange(count) % 10
    images = (labels * 25).to(torch.uint8)[:, None, None, None].expand(count, 1, 28, 28).contiguous()
    return MNIST(images, labels, images[:20], labels[:20])


def test_a_run_reads_the_test_images_and_is_reproducible():
    config = Config("mnist", length=7, hidden=8, steps=30, batch=8, evaluated=10, permuted=True)
    first, second = (mnist.run(config, Context(0, torch.device("cpu")), pictures()) for _ in range(2))
    assert first.scalars == second.scalars
    assert 0 <= first.scalars["test_accuracy"] <= 1
    assert first.scalars["test_accuracy"] * 10 == pytest.approx(round(first.scalars["test_accuracy"] * 10), abs=1e-5)


def test_accuracy_is_over_all_images_whatever_the_batches():
    data = pictures(1030)
    x, labels = pixels(data.train_images, data.train_labels, 7)
    model = Model("gru", 1, 4, 10, torch.Generator().manual_seed(0))
    expected = (model.read(model(x)[0][-1]).argmax(-1) == labels).float().mean().item()
    assert mnist.accuracy(model, x, labels) == pytest.approx(expected, abs=1e-6)


def test_batches_hold_whole_sequences_and_their_labels():
    data = pictures()
    x, labels = pixels(data.train_images, data.train_labels, 7)
    batch = mnist.task_of(x, labels).draw(16, torch.Generator().manual_seed(0))
    assert batch.x.shape == (49, 16, 1)
    torch.testing.assert_close(batch.x[-1, :, 0], batch.target * 25 / 255)
    assert (batch.where == 48).all()


def test_the_plateau_is_the_entropy_of_the_classes():
    data = pictures(100)
    x, labels = pixels(data.train_images, data.train_labels, 7)
    assert mnist.task_of(x, labels).plateau == pytest.approx(torch.tensor(10.0).log().item())

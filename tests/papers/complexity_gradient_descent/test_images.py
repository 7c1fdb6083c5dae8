"""Images of the training runs: the split, and names that are refused."""

import pytest
import torch

from replications.data import mnist
from replications.papers.complexity_gradient_descent import images as loaded


def test_validation_images_are_the_last_and_stand_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    count = loaded.VALIDATION + 30
    pixels = torch.arange(count + 9, dtype=torch.int64) % 251
    pixels = pixels.to(torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4)
    labels = torch.arange(count + 9) % 10
    data = mnist.MNIST(pixels[:count], labels[:count], pixels[count:], labels[count:])
    monkeypatch.setattr(mnist, "load", lambda: data)
    loaded.images.cache_clear()
    found = loaded.images("mnist", 2)
    loaded.images.cache_clear()
    assert found.train.shape == (30, 4)
    assert found.validation.shape == (loaded.VALIDATION, 4)
    assert found.test.shape == (9, 4)
    assert torch.equal(found.validation_labels, labels[30:count])
    both = torch.cat([found.train, found.validation])
    assert float(both.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(both.std()) == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(found.to(torch.device("cpu")).test, found.test)


def test_unknown_images_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown data set 'svhn'"):
        loaded.images("svhn", 2)

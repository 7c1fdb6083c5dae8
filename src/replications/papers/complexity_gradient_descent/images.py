"""The images of the training runs: a small training set drawn from a large one, fixed validation images, and the test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from replications.data import mnist

CLASSES = 10
VALIDATION = 5000  # last training images: they choose λ_0 and the schedule, and no run trains on them


@dataclass(frozen=True)
class Images:
    """Images as rows of features, standardised over the training set as a whole."""

    train: Tensor  # (N, features), without the validation images
    train_labels: Tensor  # (N,)
    validation: Tensor
    validation_labels: Tensor
    test: Tensor
    test_labels: Tensor

    def to(self, device: torch.device) -> Images:
        """The same on a device."""
        return Images(*(getattr(self, name).to(device) for name in Images.__dataclass_fields__))


@lru_cache(maxsize=2)
def images(name: str, pool: int) -> Images:
    """MNIST or Fashion-MNIST, average-pooled over `pool` × `pool` pixels.

    Raises:
        ValueError: there is none of that name.
        UserError: it is not in the cache.
    """
    loaders: dict[str, Callable[[], mnist.MNIST]] = {"mnist": mnist.load, "fashion": mnist.load_fashion}
    if name not in loaders:
        raise ValueError(f"unknown data set '{name}': choose one of {', '.join(loaders)}")
    data = loaders[name]()
    train = functional.avg_pool2d(data.train_images.float(), pool).flatten(1)  # (60000, features)
    test = functional.avg_pool2d(data.test_images.float(), pool).flatten(1)
    std, mean = torch.std_mean(train)
    train, test = (train - mean) / std, (test - mean) / std
    kept = len(train) - VALIDATION
    labels = data.train_labels
    return Images(train[:kept], labels[:kept], train[kept:], labels[kept:], test, data.test_labels)

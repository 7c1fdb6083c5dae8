"""Images without a download: ten blurred prototypes and noise."""

import pytest
import torch

from replications.papers.complexity_gradient_descent import images as loaded
from replications.papers.complexity_gradient_descent import runs

FEATURES = 36


def synthetic(name: str, pool: int) -> loaded.Images:
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.randn(10, FEATURES, generator=generator)

    def rows(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(10, (n,), generator=generator)
        return prototypes[labels] + 1.0 * torch.randn(n, FEATURES, generator=generator), labels

    return loaded.Images(*rows(2000), *rows(300), *rows(400))


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training runs read synthetic images."""
    monkeypatch.setattr(runs, "images", synthetic)

"""Images without a download: ten blurred prototypes and noise, standardised as the real ones."""

import pytest
import torch

from replications.papers.static_activation_normalization import runs

FEATURES = 36


def synthetic(name: str, pool: int) -> runs.Images:
    generator = torch.Generator().manual_seed(0)
    prototypes = torch.randn(10, FEATURES, generator=generator)

    def rows(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = torch.randint(10, (n,), generator=generator)
        x = prototypes[labels] + 0.3 * torch.randn(n, FEATURES, generator=generator)
        return x / x.square().mean(1, keepdim=True).sqrt(), labels

    return runs.Images(*rows(3000), *rows(1000))


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training runs read synthetic images."""
    monkeypatch.setattr(runs, "images", synthetic)

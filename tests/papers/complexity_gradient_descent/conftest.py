"""Images without a download, ten blurred prototypes and noise; and records to draw from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch

from replications.figures import drawing
from replications.papers.complexity_gradient_descent import images as loaded
from replications.papers.complexity_gradient_descent import runs
from replications.papers.complexity_gradient_descent.study import STUDY
from replications.study import Records, Store

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


@pytest.fixture(scope="session")
def recorded() -> Records:
    """The committed laptop records."""
    return Records("laptop", Store().recorded(STUDY, "laptop"))


@pytest.fixture(scope="session")
def few(recorded: Records) -> Records:
    """One seed of what the smoke profile has."""
    names = STUDY.plan("smoke").conditions
    return Records("smoke", [record for record in recorded if record.condition in names and record.seed == 0])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Figures go to a folder of the test; the function reads the data behind one, and sees that it is a picture."""
    monkeypatch.setattr(drawing, "build_folder", lambda: tmp_path)

    def read(name: str) -> dict[str, Any]:
        assert ElementTree.parse(tmp_path / "figures" / f"{name}.svg").getroot().tag.endswith("svg")
        data: dict[str, Any] = json.loads((tmp_path / "figures" / f"{name}.json").read_text())
        return data

    return read

"""A user's own images in folders by class."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from replications.data.image_folder import load_image_folder
from replications.study.errors import UserError


def _fill(folder: Path, names: tuple[str, ...] = ("cat", "dog")) -> None:
    for shade, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        Image.fromarray(np.full((40, 60, 3), 100 * shade, dtype=np.uint8)).save(folder / name / "a.JPEG")


def test_images_of_any_size_become_central_crops(cache: Path) -> None:
    _fill(cache / "imagenet/val")
    images = load_image_folder("val", size=28)
    assert len(images) == 2  # type: ignore[arg-type]
    image, label = images[1]
    assert image.shape == (3, 28, 28)
    assert image.dtype == torch.uint8
    assert abs(int(image[0, 0, 0]) - 100) <= 2
    assert label == 1


def test_a_transform_of_ones_own(tmp_path: Path) -> None:
    _fill(tmp_path / "train")
    assert load_image_folder("train", tmp_path, transform=lambda image: image.size)[0] == ((60, 40), 0)


def test_mistakes(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="unknown split 'test': choose one of train, val"):
        load_image_folder("test")
    with pytest.raises(UserError, match=r"no images in .*imagenet/train: put a folder for each class there"):
        load_image_folder("train")
    (tmp_path / "val").mkdir()
    with pytest.raises(UserError, match="val cannot be used: Couldn't find any class folder"):
        load_image_folder("val", tmp_path)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(UserError, match="image folders need torchvision"):
        load_image_folder("val", tmp_path)

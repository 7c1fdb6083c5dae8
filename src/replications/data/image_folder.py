"""A user's own images in folders by class, as ImageNet has them: `<root>/train/<class>/*.JPEG`, `<root>/val/<class>/…`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replications.data.fetch import cache_folder
from replications.study.errors import UserError

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch.utils.data import Dataset

SPLITS = ("train", "val")


def load_image_folder(
    split: str,
    root: str | os.PathLike[str] | None = None,
    transform: Callable[[Image.Image], Any] | None = None,
    size: int = 224,
) -> Dataset[tuple[torch.Tensor, int]]:
    """One split of an image folder: a map-style data set of (image, class index), classes in order of name.

    Without a `transform` an image is uint8 (3, size, size): its shorter side scaled to size · 256 / 224, then the
    central crop, which is the usual evaluation on ImageNet.

    Args:
        split: "train" or "val".
        root: the folder that holds both; by default `imagenet` in `$REPLICATIONS_DATA`.
        transform: from a PIL image (RGB) to what a batch is made of.

    Raises:
        ValueError: another split.
        UserError: the folder is missing or holds no classes or images, or torchvision is not installed.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split '{split}': choose one of {', '.join(SPLITS)}")
    folder = (cache_folder() / "imagenet" if root is None else Path(root)) / split
    if not folder.is_dir():
        raise UserError(f"no images in {folder}: put a folder for each class there, or give another root")
    try:
        from torchvision.datasets import ImageFolder
    except ImportError as error:
        raise UserError("image folders need torchvision: pip install torchvision") from error
    try:
        return ImageFolder(str(folder), transform=transform or central_crop(size))
    except FileNotFoundError as error:  # no classes, or a class without images
        raise UserError(f"{folder} cannot be used: {str(error).splitlines()[0]}") from error


def central_crop(size: int) -> Callable[[Image.Image], torch.Tensor]:
    """The usual evaluation view: shorter side to size · 256 / 224, central crop, uint8 (3, size, size)."""
    import torch
    from torchvision.transforms import v2

    return v2.Compose([v2.Resize(size * 256 // 224), v2.CenterCrop(size), v2.ToImage(), v2.ToDtype(torch.uint8)])

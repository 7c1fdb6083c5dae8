"""Packed drawings: nothing lost, shares of ink by area."""

import numpy as np
import torch

from replications.data.drawings import DRAWERS, SIDE, pack, unpack


def test_round_trip() -> None:
    images = np.random.default_rng(0).random((3, DRAWERS, SIDE, SIDE)) < 0.3
    drawings = unpack({name: torch.from_numpy(array.copy()) for name, array in pack(images, [0, 0, 1], "Aß").items()})
    assert len(drawings) == 3
    assert drawings.alphabets == ("A", "ß")
    assert drawings.alphabet.tolist() == [0, 0, 1]
    assert drawings.images().dtype == torch.uint8
    np.testing.assert_array_equal(drawings.images().numpy(), images)
    np.testing.assert_array_equal(drawings.images(slice(1, 2)).numpy(), images[1:2])
    np.testing.assert_array_equal(drawings.images(torch.tensor([2, 0])).numpy(), images[[2, 0]])


def test_resized_is_the_share_of_ink_by_area() -> None:
    images = np.zeros((70, DRAWERS, SIDE, SIDE), dtype=bool)  # more than are resized at a time
    images[69, 4, :35, :35] = True  # the first of 3 × 3 squares
    images[69, 5, :7, :5] = True
    drawings = unpack({name: torch.from_numpy(array.copy()) for name, array in pack(images, [0] * 70, "A").items()})
    small = drawings.resized(3)
    assert small.shape == (70, DRAWERS, 3, 3)
    assert small[69, 4].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert small.sum() == 1 + 35 / 35**2
    assert drawings.resized().shape[-2:] == (28, 28)

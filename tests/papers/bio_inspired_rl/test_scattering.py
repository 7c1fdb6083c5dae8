"""The front end: frame by frame, nothing learned, kept in float16."""

import sys

import pytest
import torch

from replications.papers.bio_inspired_rl.scattering import FrontEnd, transform
from replications.study import UserError

CPU = torch.device("cpu")


def test_without_scales_frames_pass():
    frames = torch.randint(2, (3, 4, 10, 10), dtype=torch.uint8)
    front = FrontEnd(0, (4, 10, 10), 1.0, CPU)
    assert front(frames) is frames
    assert front.dtype is torch.uint8
    assert front.planes == (4, 10, 10)


def test_coefficients_of_a_frame_do_not_depend_on_its_neighbours():
    front = FrontEnd(1, (4, 10, 10), 1.0, CPU)
    frames = torch.randint(2, (5, 4, 10, 10), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = front(frames)
    assert together.shape == (5, *front.planes) == (5, 36, 5, 5)
    assert together.dtype is front.dtype is torch.float16
    assert torch.equal(torch.cat([front(frame[None]) for frame in frames]), together)


def test_planes_are_transformed_apart_and_the_mean_comes_first():
    front = FrontEnd(1, (2, 10, 10), 1.0, CPU)
    frames = torch.zeros(1, 2, 10, 10, dtype=torch.uint8)
    frames[:, 1] = 1
    found = front(frames).float()
    assert found[:, :9].abs().max() == 0
    assert torch.allclose(found[:, 9], torch.tensor(1.0), atol=1e-2)  # low-pass of a constant
    assert found[:, 10:].abs().max() < 1e-2  # wavelets have mean zero


def test_an_atari_frame_is_smaller_than_its_pixels():
    front = FrontEnd(3, (1, 84, 84), 1 / 255, CPU)
    assert front.planes == (25, 10, 10)
    assert 25 * 10 * 10 * front.dtype.itemsize < 84 * 84


def test_there_is_nothing_to_learn():
    module = transform(2, 32)
    assert not list(module.parameters())
    assert list(module.buffers())


def test_a_missing_package_names_the_extra(monkeypatch):
    for name in ("kymatio", "kymatio.scattering2d.frontend.torch_frontend"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"scattering needs kymatio: pip install '\.\[atari\]'"):
        transform(1, 10)

"""A fixed wavelet scattering transform in place of the first learned layers (Bruna and Mallat 2013; kymatio).

It acts on every plane of every frame by itself, so a frame is transformed once, when it arrives, and its coefficients
are what the replay memory keeps. It has no learned coefficient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from replications.papers.bio_inspired_rl.method import count_scattering
from replications.study import UserError

ANGLES = 8  # L


def transform(scales: int, side: int, order: int = 1, angles: int = ANGLES) -> Any:
    """kymatio's transform of planes (..., side, side).

    Raises:
        UserError: kymatio is missing.
    """
    try:
        import scipy.special

        if not hasattr(scipy.special, "sph_harm"):
            # kymatio 0.3 imports it for its 3-D transform alone, and SciPy 1.17 removed it; the 2-D transform never calls it
            scipy.special.sph_harm = None
        from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D
    except ImportError as error:
        raise UserError("scattering needs kymatio: pip install '.[atari]'") from error
    return ScatteringTorch2D(J=scales, shape=(side, side), L=angles, max_order=order)


class FrontEnd:
    """Frames to what the memory keeps; without scales, the frames themselves."""

    def __init__(self, scales: int, planes: tuple[int, int, int], scale: float, device: torch.device) -> None:
        self.scale = scale  # of a raw frame's values
        self.planes, self._transform = planes, None
        if scales:
            self._transform = transform(scales, planes[1]).to(device)
            side = planes[1] // 2**scales
            self.planes = (planes[0] * count_scattering(scales, ANGLES, 1), side, side)

    @property
    def dtype(self) -> torch.dtype:
        """Of what is kept."""
        return torch.uint8 if self._transform is None else torch.float16

    def __call__(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W) uint8 to (N, C', H', W'); coefficients are of frames in [0, 1], rounded to float16."""
        if self._transform is None:
            return frames
        found = self._transform(frames.float().contiguous() * self.scale)  # (N, C, coefficients, H', W')
        # the mean of a plane is larger than what its L directions hold: one factor brings them to one size
        found[:, :, 1:] *= ANGLES
        return found.flatten(1, 2).to(torch.float16)

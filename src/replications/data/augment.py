"""Random views of images, batched, with parameters of their own for every image (BYOL, appendix B and Table 6).

Images are float tensors (B, 3, H, W) in [0, 1] on any device; every draw comes from an explicit generator on that
device, and nothing here asks the device for a value. A crop is resized and flipped, and an image blurred, by one
product with a row matrix and one with a column matrix an image, which is as exact as a resampling library and fast
on two cores.

Two families of colour operations are here, since they are not the same distribution: BYOL's released code (additive
brightness, contrast about each channel's mean, saturation in HSV) and torchvision's (multiplicative brightness,
contrast about the mean grey, saturation about the grey image), on which public re-implementations rest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch

GREY = (0.2989, 0.5870, 0.1140)  # the paper's weights and torchvision's; they sum to 0.9999
ATTEMPTS = 10  # draws of a crop's shape before the whole image is taken, as in the released code
ORDERS = tuple(itertools.permutations(range(4)))  # of brightness, contrast, saturation and hue

Colour = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # images (B, 3, H, W), one number an image (B, 1, 1, 1)


@dataclass(frozen=True)
class View:
    """The distribution of one view. Defaults are the paper's T without blur (at 32 pixels a blur is three taps)."""

    crop_area: tuple[float, float] = (0.08, 1.0)  # share of the image's area, uniform
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)  # width over height, uniform in its logarithm
    cubic: bool = True  # bicubic resampling clipped to [0, 1], else bilinear
    flip: float = 0.5  # probability
    jitter: float = 0.8  # probability of the four colour operations as a group
    brightness: float = 0.4  # largest change; the other three likewise
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1  # in turns of the colour wheel
    family: str = "byol"  # "byol" or "torchvision": whose brightness, contrast and saturation
    grey: float = 0.2  # probability
    blur: float = 0.0  # probability; the deviation is uniform between 0.1 and 2 pixels
    solarise: float = 0.0  # probability


def augment(images: torch.Tensor, view: View, size: int, generator: torch.Generator) -> torch.Tensor:
    """One random view of every image. (B, 3, H, W) in [0, 1] → (B, 3, size, size) in [0, 1].

    The order is the paper's: crop, flip, jitter, grey, blur, solarise. Normalising by mean and deviation comes after.
    """
    n, device = len(images), images.device

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator, device=device).mul_(high - low).add_(low)

    def chosen(probability: float) -> torch.Tensor:
        return torch.rand(n, 1, 1, 1, generator=generator, device=device) < probability  # (B, 1, 1, 1)

    boxes = draw_boxes(n, images.shape[-2], images.shape[-1], view.crop_area, view.crop_ratio, generator)
    x = crop_resize(images, boxes, size, chosen(view.flip).flatten(), cubic=view.cubic)
    if view.jitter > 0:
        at = chosen(view.jitter)
        if view.family == "byol":
            operations: tuple[Colour, ...] = (
                add_brightness,
                scale_contrast_by_channel,
                scale_saturation_hsv,
                shift_hue,
            )
            brightness, no_brightness = uniform(-view.brightness, view.brightness), 0.0
        else:
            operations = (scale_brightness, scale_contrast, scale_saturation, shift_hue)
            brightness, no_brightness = uniform(1 - view.brightness, 1 + view.brightness), 1.0
        contrast = uniform(1 - view.contrast, 1 + view.contrast)
        saturation = uniform(1 - view.saturation, 1 + view.saturation)
        hue = uniform(-view.hue, view.hue)
        amounts = [torch.where(at, brightness, no_brightness), torch.where(at, contrast, 1.0)]
        amounts += [torch.where(at, saturation, 1.0), torch.where(at, hue, 0.0)]
        x = colour_jitter(x, operations, amounts, torch.randperm(n, generator=generator, device=device))
    if view.grey > 0:
        x = torch.where(chosen(view.grey), grey(x), x)
    if view.blur > 0:
        x = torch.where(chosen(view.blur), gaussian_blur(x, uniform(0.1, 2.0).flatten(), blur_taps(size)), x)
    if view.solarise > 0:
        x = torch.where(chosen(view.solarise), solarise(x), x)
    return x


def draw_boxes(
    n: int,
    height: int,
    width: int,
    area: tuple[float, float],
    ratio: tuple[float, float],
    generator: torch.Generator,
) -> torch.Tensor:
    """Crop boxes (n, 4) in whole pixels: top, left, height, width.

    The area is uniform, the aspect ratio log-uniform; shapes that do not fit are drawn again, ten times at most, and
    then the whole image is taken.
    """
    draw = torch.rand(4, n, ATTEMPTS, generator=generator, device=generator.device)  # (4, n, attempts)
    areas = (area[0] + (area[1] - area[0]) * draw[0]) * height * width
    ratios = torch.exp(math.log(ratio[0]) + (math.log(ratio[1]) - math.log(ratio[0])) * draw[1])
    heights, widths = (areas / ratios).sqrt().round(), (areas * ratios).sqrt().round()
    fits = (heights >= 1) & (widths >= 1) & (heights <= height) & (widths <= width)
    first = fits.int().argmax(dim=1, keepdim=True)  # the first attempt that fits; 0 where none does
    fitting = fits.gather(1, first)
    heights = torch.where(fitting, heights.gather(1, first), height).squeeze(1)
    widths = torch.where(fitting, widths.gather(1, first), width).squeeze(1)
    top = (draw[2, :, 0] * (height - heights + 1)).floor()
    left = (draw[3, :, 0] * (width - widths + 1)).floor()
    return torch.stack([top, left, heights, widths], dim=1)


def crop_resize(
    images: torch.Tensor, boxes: torch.Tensor, size: int, flip: torch.Tensor, cubic: bool = False
) -> torch.Tensor:
    """Crop box `boxes[i]` of image i, resized with antialiasing to (size, size), mirrored where `flip[i]`.

    Bilinear, or bicubic (a = -1/2) clipped to [0, 1]. Pixels outside the box do not enter.
    """
    top, left, height, width = boxes.unbind(1)
    rows = _resampling(top, height, images.shape[-2], size, cubic)  # (B, size, H)
    columns = _resampling(left, width, images.shape[-1], size, cubic)
    columns = torch.where(flip[:, None, None], columns.flip(1), columns)
    out = _separable(images, rows, columns)
    return out.clamp_(0, 1) if cubic else out


def _resampling(start: torch.Tensor, length: torch.Tensor, inputs: int, outputs: int, cubic: bool) -> torch.Tensor:
    """Weights (B, outputs, inputs) that resample pixels start … start + length of a line of `inputs` pixels."""
    scale = (length / outputs)[:, None, None]
    first = start[:, None, None]
    pixels = torch.arange(max(inputs, outputs), device=start.device, dtype=torch.float32) + 0.5  # pixel centres
    centre = first + scale * pixels[None, :outputs, None]  # (B, outputs, 1)
    position = pixels[None, None, :inputs]
    distance = (position - centre).div_(scale.clamp(min=1)).abs_()  # a wider kernel when shrinking: antialiasing
    if cubic:
        near = ((1.5 * distance - 2.5) * distance).mul_(distance).add_(1)
        far = ((-0.5 * distance + 2.5) * distance - 4).mul_(distance).add_(2)
        weights = torch.where(distance < 1, near, torch.where(distance < 2, far, 0))
    else:
        weights = (1 - distance).clamp_(min=0)
    weights = weights * ((position > first) & (position < first + length[:, None, None]))
    return weights / weights.sum(-1, keepdim=True)


def _separable(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """rows · image · columnsᵀ for every channel. (B, C, H, W), (B, h, H), (B, w, W) → (B, C, h, w)."""
    b, c, h, w = images.shape
    across = torch.bmm(images.reshape(b, c * h, w), columns.transpose(1, 2))  # (B, C·H, w)
    down = torch.bmm(
        rows.repeat_interleave(c, 0), across.view(b * c, h, -1)
    )  # four times faster than a broadcast product
    return down.view(b, c, rows.shape[1], -1)


def colour_jitter(
    images: torch.Tensor, operations: tuple[Colour, ...], amounts: list[torch.Tensor], order: torch.Tensor
) -> torch.Tensor:
    """The four colour operations with `amounts[k][i]` for image i, in one of their 24 orders, an order an image.

    `order` is a permutation of the batch: image `order[i]` takes the order `ORDERS[i % 24]`, so each image's order is
    uniform while the number of images in each is known beforehand, and no operation runs on an image twice.
    """
    x = images.clone()
    for place in _groups(len(x), x.device):
        for operation, amount, taken in zip(operations, amounts, place):
            rows = order[taken]
            x.index_copy_(0, rows, operation(x[rows], amount[rows]))
    return x


@lru_cache(maxsize=16)
def _groups(n: int, device: torch.device) -> list[list[torch.Tensor]]:
    """For each place in the order and each operation, the positions of `order` whose image takes it there."""
    index = torch.arange(n) % len(ORDERS)
    orders = torch.tensor(ORDERS)[index]  # (n, 4)
    return [[torch.nonzero(orders[:, place] == k).flatten().to(device) for k in range(4)] for place in range(4)]


def add_brightness(x: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    """x + δ, clipped to [0, 1]."""
    return (x + delta).clamp_(0, 1)


def scale_contrast_by_channel(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Distance from each channel's mean times the factor, clipped."""
    return torch.lerp(x.mean(dim=(2, 3), keepdim=True), x, factor).clamp_(0, 1)


def scale_saturation_hsv(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Saturation s = 1 - min/max of HSV times the factor, clipped to one: hue and value stay."""
    value, least = x.amax(1, keepdim=True), x.amin(1, keepdim=True)
    largest = value / (value - least).clamp(min=1e-12)  # 1/s: the factor that takes s to one
    return torch.lerp(value, x, torch.minimum(factor, largest)).clamp_(0, 1)


def scale_brightness(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """torchvision's brightness: x times the factor, clipped."""
    return (x * factor).clamp_(0, 1)


def scale_contrast(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """torchvision's contrast: distance from the mean grey times the factor, clipped."""
    return torch.lerp(_luminance(x).mean(dim=(2, 3), keepdim=True), x, factor).clamp_(0, 1)


def scale_saturation(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """torchvision's saturation: distance from the grey image times the factor, clipped."""
    return torch.lerp(_luminance(x), x, factor).clamp_(0, 1)


def shift_hue(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Hue of HSV moved by a part of a full turn; saturation and value stay."""
    value, chroma = x.amax(1), x.amax(1) - x.amin(1)  # (B, H, W)
    red, green, blue = x.unbind(1)
    per = 1 / chroma.clamp(min=1e-12)
    sector = torch.where(
        value == red, (green - blue) * per, torch.where(value == green, (blue - red) * per + 2, (red - green) * per + 4)
    )
    sector = sector.add_(6 * turns[:, 0])  # hue in sixths of a turn
    channels = [_hsv_channel(value, chroma, sector, offset) for offset in (5, 3, 1)]  # red, green, blue
    return torch.stack(channels, dim=1).clamp_(0, 1)


def _hsv_channel(value: torch.Tensor, chroma: torch.Tensor, sector: torch.Tensor, offset: int) -> torch.Tensor:
    k = sector + offset
    k = k - 6 * torch.floor(k / 6)  # k mod 6; torch.remainder takes twice as long
    return value - chroma * torch.minimum(k, 4 - k).clamp_(0, 1)


def _luminance(x: torch.Tensor) -> torch.Tensor:
    return x[:, 0:1] * GREY[0] + x[:, 1:2] * GREY[1] + x[:, 2:3] * GREY[2]


def grey(x: torch.Tensor) -> torch.Tensor:
    """The grey image, on three channels."""
    return _luminance(x).expand_as(x)


def solarise(x: torch.Tensor) -> torch.Tensor:
    """x below one half, 1 - x from there on: min(x, 1 - x)."""
    return torch.minimum(x, 1 - x)


def blur_taps(size: int) -> int:
    """Length of the blur kernel, about a tenth of the image and odd: 23 at 224 pixels, 3 at 32."""
    return 2 * (size // 10 // 2) + 1


def gaussian_kernel(sigma: torch.Tensor, taps: int) -> torch.Tensor:
    """Gaussian weights (B, taps) of deviation `sigma` in pixels, each row summing to one."""
    offset = torch.arange(taps, device=sigma.device, dtype=torch.float32) - taps // 2
    return torch.softmax(-(offset**2) / (2 * sigma[:, None] ** 2), dim=1)


def gaussian_blur(x: torch.Tensor, sigma: torch.Tensor, taps: int) -> torch.Tensor:
    """Separable Gaussian blur with a deviation `sigma[i]` for image i, zeros beyond the border (as in BYOL's code)."""
    kernel = gaussian_kernel(sigma, taps)  # (B, taps)

    def band(n: int) -> torch.Tensor:
        line = torch.arange(n, device=x.device)
        offset = line[None, :] - line[:, None] + taps // 2  # (n, n): which tap joins output row and input column
        inside = (offset >= 0) & (offset < taps)
        return kernel[:, offset.clamp(0, taps - 1)] * inside  # (B, n, n)

    return _separable(x, band(x.shape[-2]), band(x.shape[-1]))


def normalise(x: torch.Tensor, mean: tuple[float, float, float], deviation: tuple[float, float, float]) -> torch.Tensor:
    """(x - mean) / deviation by channel. (B, 3, H, W)."""
    return torch.stack([(x[:, c] - mean[c]) / deviation[c] for c in range(3)], dim=1)

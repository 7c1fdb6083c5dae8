"""Every random view operation against torchvision's functional results for the same parameters, image by image."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch.nn import functional as F

from replications.data import augment

transforms = pytest.importorskip("torchvision.transforms.functional")


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(16, 3, 20, 24, generator=torch.Generator().manual_seed(0))


def per_image(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1)


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize("size", [8, 20, 32])
def test_crop_resize_and_flip_match_torchvision(images, cubic, size):
    boxes = augment.draw_boxes(16, 20, 24, (0.1, 1.0), (3 / 4, 4 / 3), torch.Generator().manual_seed(1))
    flip = torch.arange(16) % 2 == 0
    ours = augment.crop_resize(images, boxes, size, flip, cubic)
    mode = transforms.InterpolationMode.BICUBIC if cubic else transforms.InterpolationMode.BILINEAR
    for i, box in enumerate(boxes.int().tolist()):
        theirs = transforms.resized_crop(images[i], *box, [size, size], mode, antialias=True).clamp(0, 1)
        theirs = transforms.hflip(theirs) if flip[i] else theirs
        torch.testing.assert_close(ours[i], theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("ours", "theirs", "values"),
    [
        (augment.scale_brightness, transforms.adjust_brightness, [0.0, 0.6, 1.0, 1.4]),
        (augment.scale_contrast, transforms.adjust_contrast, [0.0, 0.6, 1.0, 1.4]),
        (augment.scale_saturation, transforms.adjust_saturation, [0.0, 0.8, 1.0, 1.9]),
        (augment.shift_hue, transforms.adjust_hue, [-0.5, -0.1, 0.0, 0.37]),
    ],
)
def test_colour_operations_match_torchvision(images, ours, theirs, values):
    out = ours(images[:4], per_image(values))
    for i, value in enumerate(values):
        torch.testing.assert_close(out[i], theirs(images[i], value), rtol=0, atol=2e-5)


def test_grey_and_solarise_match_torchvision(images):
    torch.testing.assert_close(augment.grey(images), transforms.rgb_to_grayscale(images, 3), rtol=0, atol=1e-6)
    torch.testing.assert_close(augment.solarise(images), transforms.solarize(images, 0.5), rtol=0, atol=0)


def test_grey_images_survive_every_colour_operation():
    flat = torch.full((2, 3, 4, 4), 0.3)
    torch.testing.assert_close(augment.shift_hue(flat, per_image([0.3, -0.1])), flat)
    torch.testing.assert_close(augment.scale_saturation_hsv(flat, per_image([0.5, 1.5])), flat)
    assert augment.grey(torch.ones(1, 3, 1, 1)).flatten().tolist() == pytest.approx([0.9999] * 3)


def test_saturation_in_hsv_matches_the_standard_library(images):
    import colorsys

    factor = 1.7  # large enough that some pixels reach full saturation
    ours = augment.scale_saturation_hsv(images[:1, :, :5, :5], per_image([factor]))[0]
    for y in range(5):
        for x in range(5):
            h, s, v = colorsys.rgb_to_hsv(*images[0, :, y, x].tolist())
            expected = colorsys.hsv_to_rgb(h, min(1.0, s * factor), v)
            assert ours[:, y, x].tolist() == pytest.approx(expected, abs=1e-5)


def test_byol_brightness_adds_and_contrast_turns_about_each_channels_mean(images):
    torch.testing.assert_close(
        augment.add_brightness(images[:2], per_image([0.3, -0.4])),
        torch.stack([(images[0] + 0.3).clamp(0, 1), (images[1] - 0.4).clamp(0, 1)]),
    )
    mean = images.mean(dim=(2, 3), keepdim=True)
    out = augment.scale_contrast_by_channel(images, torch.full((16, 1, 1, 1), 0.6))
    torch.testing.assert_close(out, 0.6 * images + 0.4 * mean)


@pytest.mark.parametrize(("size", "taps"), [(224, 23), (128, 13), (96, 9), (64, 7), (32, 3), (28, 3)])
def test_blur_taps_are_those_of_the_released_code(size, taps):
    assert augment.blur_taps(size) == taps


def test_blur_matches_torchvision_inside_and_a_zero_padded_convolution_at_the_border(images):
    sigma = torch.linspace(0.1, 2.0, 16)
    kernel = augment.gaussian_kernel(sigma, 5)
    torch.testing.assert_close(kernel.sum(1), torch.ones(16))
    out = augment.gaussian_blur(images, sigma, 5)
    for i in range(16):
        theirs = transforms.gaussian_blur(images[i], [5, 5], [sigma[i].item()] * 2)
        torch.testing.assert_close(out[i, :, 2:-2, 2:-2], theirs[:, 2:-2, 2:-2], rtol=0, atol=1e-5)
        window = torch.outer(kernel[i], kernel[i]).expand(3, 1, 5, 5)
        torch.testing.assert_close(out[i], F.conv2d(images[i], window, padding=2, groups=3), rtol=0, atol=1e-5)


def test_solarise_folds_at_one_half_and_is_idempotent(images):
    once = augment.solarise(images)
    assert torch.equal(once, torch.minimum(images, 1 - images))
    assert torch.equal(augment.solarise(once), once)


def test_colour_jitter_applies_the_four_operations_in_each_images_own_order(images):
    n = 48
    x = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(3))
    operations = (augment.add_brightness, augment.scale_contrast, augment.scale_saturation, augment.shift_hue)
    draw = torch.Generator().manual_seed(4)
    amounts = [torch.rand(n, 1, 1, 1, generator=draw) * 0.8 + shift for shift in (-0.4, 0.6, 0.6, -0.4)]
    order = torch.randperm(n, generator=draw)
    out = augment.colour_jitter(x, operations, amounts, order)
    for i, image in enumerate(order.tolist()):
        expected = x[image : image + 1]
        for k in augment.ORDERS[i % 24]:
            expected = operations[k](expected, amounts[k][image : image + 1])
        torch.testing.assert_close(out[image], expected[0])
    assert not torch.allclose(out, x)


def test_boxes_lie_inside_and_their_area_and_ratio_follow_the_stated_laws():
    boxes = augment.draw_boxes(20_000, 200, 200, (0.2, 0.5), (3 / 4, 4 / 3), torch.Generator().manual_seed(0))
    top, left, height, width = boxes.unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 200).all()
    assert (left + width <= 200).all()
    # areas up to one half fit whatever the ratio, so nothing is drawn again and both laws are exact up to rounding
    share = (height * width / 200**2).numpy()
    assert stats.kstest(share, stats.uniform(0.2, 0.3).cdf).statistic < 0.015
    log_ratio = torch.log(width / height).numpy()
    assert stats.kstest(log_ratio, stats.uniform(math.log(3 / 4), 2 * math.log(4 / 3)).cdf).statistic < 0.015


def test_a_crop_that_never_fits_is_the_whole_image():
    boxes = augment.draw_boxes(5, 8, 8, (1.0, 1.0), (4.0, 4.0), torch.Generator().manual_seed(0))
    assert boxes.tolist() == [[0.0, 0.0, 8.0, 8.0]] * 5


def test_a_view_without_operations_is_the_image(images):
    still = augment.View(crop_area=(1, 1), crop_ratio=(1, 1), cubic=False, flip=0, jitter=0, grey=0)
    square = images[:, :, :, :20]
    torch.testing.assert_close(augment.augment(square, still, 20, torch.Generator().manual_seed(0)), square)


@pytest.mark.parametrize("family", ["byol", "torchvision"])
def test_views_are_reproducible_differ_between_images_and_stay_in_range(family):
    same = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).expand(30, 3, 32, 32)
    view = augment.View(family=family, blur=0.5, solarise=0.2)
    first = augment.augment(same, view, 32, torch.Generator().manual_seed(5))
    assert torch.equal(first, augment.augment(same, view, 32, torch.Generator().manual_seed(5)))
    assert not torch.equal(first, augment.augment(same, view, 32, torch.Generator().manual_seed(6)))
    assert first.min() >= 0
    assert first.max() <= 1 + 1e-6  # rounding of the blur's weights
    assert len({row.sum().item() for row in first}) == 30


def test_probabilities_are_respected():
    n = 4000
    images = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0)).expand(n, 3, 20, 20)
    quiet = {"crop_area": (1, 1), "crop_ratio": (1, 1), "cubic": False, "flip": 0, "jitter": 0, "grey": 0}
    for name, probability in (("flip", 0.5), ("jitter", 0.8), ("grey", 0.2), ("blur", 0.3), ("solarise", 0.1)):
        view = augment.View(**{**quiet, name: probability})
        out = augment.augment(images, view, 20, torch.Generator().manual_seed(1))
        changed = ((out - images).abs().amax(dim=(1, 2, 3)) > 1e-4).float().mean().item()
        assert changed == pytest.approx(probability, abs=4 * math.sqrt(probability * (1 - probability) / n))


def test_normalise_centres_each_channel():
    x = torch.stack([torch.full((2, 2), value) for value in (0.5, 0.4, 0.3)])[None]
    assert torch.allclose(augment.normalise(x, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)), torch.zeros(1, 3, 2, 2))

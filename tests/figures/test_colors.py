"""The palette against WCAG's 3:1 on both pages and against simulated colour blindness."""

import itertools

import numpy as np
import pytest

from replications.figures.colors import DARK, DASHES, LIGHT, MARKERS, contrast, luminance, palette

# Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(color):
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(rgb):
    """Ottosson (2020); a difference of 0.02 is about the least that eyes tell apart."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return to_lab @ np.cbrt(to_lms @ rgb)


def separation(one, two, matrix):
    return float(np.linalg.norm(np.subtract(*(oklab(np.clip(matrix @ linear(c), 0, 1)) for c in (one, two)))))


@pytest.mark.parametrize("color", list(palette))
@pytest.mark.parametrize("page", [LIGHT, DARK])
def test_every_colour_holds_three_to_one(color, page):
    assert contrast(color, page) >= 3.0


def test_contrast_of_known_pairs():
    # WCAG: black on white is 21:1; #767676 is the lightest grey that holds 4.5:1 on white (4.54).
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert luminance("#ff0000") == pytest.approx(0.2126)
    assert contrast("#777777", "#ffffff") < 4.5
    assert contrast("#e69f00", LIGHT) < 3.0  # the check can fail: Okabe and Ito's orange


@pytest.mark.parametrize("vision", list(VISION))
def test_colours_stay_apart_under_colour_blindness(vision):
    pairs = itertools.combinations(palette, 2)
    assert min(separation(one, two, VISION[vision]) for one, two in pairs) >= 0.05
    first = itertools.combinations(palette[:5], 2)
    assert min(separation(one, two, VISION[vision]) for one, two in first) >= 0.07


def test_red_and_green_of_equal_lightness_would_fail():
    assert separation("#c03a3a", "#7a6f10", VISION["normal"]) > 0.1
    assert separation("#c03a3a", "#7a6f10", VISION["deuteranopia"]) < 0.05


def test_palette_reads_by_number_and_by_name():
    assert palette[0] == palette["blue"] == next(iter(palette.values()))
    assert palette[len(palette)] == palette[0]
    assert list(palette) == list(palette.values()) == [color for _, color in palette.items()]
    assert palette[1:3] == [palette[1], palette[2]]
    assert len(set(palette)) == len(palette) == len(DASHES) == len(MARKERS)
    with pytest.raises(KeyError, match="choose from blue, orange"):
        palette["red"]


def test_colour_is_never_the_only_cue():
    cues = [(str(style["linestyle"]), style["marker"]) for style in map(palette.line, range(len(palette)))]
    assert len({dash for dash, _ in cues}) == len({marker for _, marker in cues}) == len(palette)

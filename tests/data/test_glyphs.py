"""The stand-in for Omniglot: deterministic, one hand a drawer, and as hard as the real drawings in pixels."""

from pathlib import Path

import numpy as np
import pytest

from replications.data import glyphs, omniglot
from replications.data.drawings import DRAWERS, SIDE, Drawings
from replications.data.fonts import Template

RING = Template("Toy", "o", 0.5 * np.stack([np.sin(t := np.linspace(0, 6.28, 300)), np.cos(t)], axis=1))
CROSS = Template(
    "Toy", "x", np.concatenate([np.outer(np.linspace(-0.5, 0.5, 120), direction) for direction in ((1, 1), (1, -1))])
)


def test_drawings_are_deterministic_in_letter_and_seed() -> None:
    first = glyphs.draw(RING)
    assert first.shape == (DRAWERS, SIDE, SIDE)
    np.testing.assert_array_equal(first, glyphs.draw(RING))
    assert (first != glyphs.draw(RING, seed=1)).any()
    assert len({drawing.tobytes() for drawing in first}) == DRAWERS


def test_drawings_are_connected_lines_of_the_pen_width() -> None:
    from scipy import ndimage

    for drawing in glyphs.draw(CROSS):
        assert ndimage.label(drawing, np.ones((3, 3)))[1] == 1
        depth = ndimage.distance_transform_cdt(np.pad(drawing, 1), metric="chessboard").max()
        assert 2 <= depth <= 5  # half a pen, more at the crossing


def test_drawings_have_the_size_and_place_of_the_real_ones() -> None:
    ink = np.stack([glyphs.draw(Template("Toy", str(number), RING.points)) for number in range(30)])
    sides = np.array([max(np.ptp(axis) + 1 for axis in np.nonzero(drawing)) for drawing in ink.reshape(-1, SIDE, SIDE)])
    assert 65 < sides.mean() < 85  # a ring fills its box, the average letter (69 pixels) does not
    assert 0.08 < np.log(sides).std() < 0.2
    centres = np.array([np.argwhere(drawing).mean(axis=0) for drawing in ink.reshape(-1, SIDE, SIDE)])
    np.testing.assert_allclose(centres.mean(axis=0), (SIDE - 1) / 2, atol=1.5)
    assert 4 < centres.std() < 8


def test_a_drawer_keeps_a_hand() -> None:
    """Over many letters the sizes of one drawer are alike, those of different drawers are not."""
    ink = np.stack([glyphs.draw(Template("Toy", str(number), RING.points)) for number in range(60)])  # (60, 20, …)
    area = np.log(ink.any(axis=2).sum(axis=-1) * ink.any(axis=3).sum(axis=-1))  # (60, 20)
    between, within = area.mean(axis=0).var(), area.var(axis=0).mean()
    assert between > 3 * within / 60  # means of 60 equal hands would vary by within / 60


def test_ink_outside_the_page_is_cut() -> None:
    points = np.array([[[-1.0, 50.0], [50.0, 104.9]]])
    page = glyphs._ink(points, np.array([2.0]))
    assert page[0, 0, 50]
    assert page[0, 50, 104]
    assert page.sum() < 2 * 4 * 4


def test_a_data_set_of_two_alphabets() -> None:
    letters = [RING, CROSS, Template("Other", "o", RING.points)]
    arrays = glyphs.drawings(letters)
    assert arrays["alphabet"].tolist() == [1, 1, 0]
    assert arrays["alphabets"].tobytes() == b"Other\nToy"
    assert arrays["bits"].shape == (3, DRAWERS, SIDE, 14)


def test_noto_sources_look_in_the_right_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(glyphs, "noto_letters", lambda folder: looked.append(folder) or iter(()))
    monkeypatch.setattr(glyphs, "templates", lambda letters: [RING])
    monkeypatch.setattr(glyphs, "debian_package", lambda package, sha256, folder: folder / "tree")
    for source in glyphs.NOTO.sources:
        assert source.decode(tmp_path)["alphabet"].tolist() == [0]
    assert looked == [Path("/usr/share/fonts/truetype/noto"), tmp_path / "tree/usr/share/fonts/truetype/noto"]


def _nearest_neighbour(drawings: Drawings, ways: int, shots: int, trials: int = 2000) -> float:
    """Accuracy of the nearest neighbour in pixels at 28 × 28 in few-shot trials over all alphabets."""
    random = np.random.default_rng(0)
    images = drawings.resized(28).flatten(2).numpy()
    right = 0
    for _ in range(trials):
        classes = random.choice(len(images), ways, replace=False)
        drawers = random.permuted(np.tile(np.arange(DRAWERS), (ways, 1)), axis=1)[:, : shots + 1]
        support = images[classes[:, None], drawers[:, :shots]].reshape(ways * shots, -1)
        query = images[classes[0], drawers[0, shots]]
        right += int(((support - query) ** 2).sum(axis=1).argmin() < shots)
    return right / trials


@pytest.mark.skipif(omniglot.best().synthetic, reason="no real drawings: replicate data omniglot")
@pytest.mark.skipif(not glyphs.DATASET.cached(), reason="not in the cache: replicate data glyphs")
@pytest.mark.parametrize(("ways", "shots"), [(20, 1), (5, 5)])
def test_pixels_tell_as_much_as_in_the_real_drawings(ways: int, shots: int) -> None:
    real = _nearest_neighbour(omniglot.load(), ways, shots)
    synthetic = _nearest_neighbour(glyphs.load(), ways, shots)
    assert synthetic == pytest.approx(real, abs=0.05)  # two standard errors of the difference are 0.03

"""The interactive picture works offline and holds what it says."""

import json
import re

import numpy as np

from replications.papers.simplex_diffusion import widget


def test_no_network_and_no_library():
    html = widget.simplex_widget()
    assert not re.search(r"https?://|src=|import |fetch\(", html)
    assert len(html) < 60_000


def test_every_level_and_alpha_has_its_frame():
    html = widget.simplex_widget()
    data = json.loads(re.search(r"var data = (\{.*?\}), levels", html).group(1))
    levels = json.loads(re.search(r"levels = (\[.*?\]);", html).group(1))
    assert [float(a) for a in data] == list(widget.ALPHAS)
    assert levels[0] == 0
    assert levels == sorted(levels)
    for frames in data.values():
        assert len(frames) == len(levels) == widget.FRAMES
        assert all(len(frame) == 2 * widget.POINTS for frame in frames)
        assert frames[0][:2] == [0, 260]  # the first corner, below left
        x, y = np.array(frames)[..., ::2], np.array(frames)[..., 1::2]
        assert x.min() >= 0
        assert x.max() <= 300
        assert y.min() >= 0
        assert y.max() <= 260


def test_the_picture_has_a_circle_a_point_and_a_text_alternative():
    html = widget.simplex_widget()
    assert html.count("<circle") == widget.POINTS
    assert 'role="img" aria-label="Sixty tokens' in html
    assert html.count("<option") == len(widget.ALPHAS)


def test_equal_seeds_draw_equal_pictures():
    assert widget.simplex_widget(3) == widget.simplex_widget(3)
    assert widget.simplex_widget(3) != widget.simplex_widget(4)

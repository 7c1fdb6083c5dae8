"""A curve over seeds: the mean and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replications.figures.colors import DASHES, MARKERS, palette
from replications.statistics import t_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MARKED = 8  # markers along a line, so that they tell lines apart without hiding them


def band(
    ax: Axes,
    x: Sequence[float] | np.ndarray,
    ys: Sequence[Sequence[float]] | np.ndarray,
    label: str,
    color: str | int | None = None,
    *,
    level: float = 0.95,
) -> Line2D:
    """Draw the mean of `ys` (seeds, points) over `x` (points,) and, from two seeds on, the t interval of the mean.

    The colour (a colour, a number for `palette`, or the next free one) brings its dash and marker with it.

    Raises:
        ValueError: shapes that do not fit, or values that are not finite.
    """
    x, ys = np.asarray(x, dtype=float), np.atleast_2d(np.asarray(ys, dtype=float))
    if x.ndim != 1 or ys.ndim != 2 or ys.shape[1] != len(x) or not ys.size:
        raise ValueError(f"band '{label}': ys must be (seeds, {x.size} points), got {ys.shape}")
    if not np.isfinite(ys).all():
        raise ValueError(
            f"band '{label}': {int((~np.isfinite(ys)).sum())} value(s) are NaN or infinite: cut or mask the curve"
        )
    drawn = sum(line.get_gid() == "band" for line in ax.lines)
    if color is None or isinstance(color, int):
        index = drawn if color is None else color
        color = palette[index]
    else:
        index = list(palette).index(color) if color in palette else drawn
    step = max(1, len(x) // MARKED)
    (line,) = ax.plot(
        x,
        ys.mean(axis=0),
        color=color,
        label=label,
        linestyle=DASHES[index % len(DASHES)],
        marker=MARKERS[index % len(MARKERS)],
        markersize=4,
        markevery=(index % step, step),  # shifted, so that markers of lines that coincide do not
        gid="band",
    )
    if len(ys) > 1:
        intervals = [t_interval(column, level) for column in ys.T]
        ax.fill_between(x, [i.low for i in intervals], [i.high for i in intervals], color=color, alpha=0.2, linewidth=0)
    return line

"""The data behind a figure, read back from what was drawn: lines, bars, points, areas, segments, images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plotted(fig: Figure) -> list[dict[str, Any]]:
    """One object for each pair of axes, colour bars excepted; numbers as they were given to matplotlib, NaN as None."""
    return [_axes(ax) for ax in fig.axes if ax.get_label() != "<colorbar>"]


def _axes(ax: Axes) -> dict[str, Any]:
    from matplotlib.container import BarContainer

    found: dict[str, Any] = {
        "title": ax.get_title(loc="left") or ax.get_title() or ax.get_title(loc="right"),
        "x": _axis(ax.xaxis),
        "y": _axis(ax.yaxis),
        "series": [],
    }
    # A bar or an error bar carries its label on the container, not on its parts.
    labels = {id(part): box.get_label() for box in ax.containers for part in box.get_children()}
    bars = [box for box in ax.containers if isinstance(box, BarContainer)]
    in_bars = {id(patch) for box in bars for patch in box.patches}
    drawn: list[tuple[Any, dict[str, Any]]] = [(box, _bars(box)) for box in bars]
    drawn += [(line, _line(line)) for line in ax.lines]
    drawn += [(collection, _collection(collection)) for collection in ax.collections]
    drawn += [(patch, _patch(patch)) for patch in ax.patches if id(patch) not in in_bars]
    drawn += [(image, _image(image)) for image in ax.images]
    for artist, values in drawn:
        label = str(labels.get(id(artist)) or artist.get_label())
        found["series"].append({"kind": values.pop("kind"), "label": "" if label.startswith("_") else label, **values})
    return found


def _axis(axis: Any) -> dict[str, Any]:
    from matplotlib.ticker import FixedLocator

    named = isinstance(axis.get_major_locator(), FixedLocator) or (axis.have_units() and axis.units is not None)
    ticks = {text.get_text(): _plain(text.get_position()[axis.axis_name == "y"]) for text in axis.get_ticklabels()}
    return {"label": axis.get_label_text(), "scale": axis.get_scale(), **({"ticks": ticks} if named else {})}


def _bars(box: Any) -> dict[str, Any]:
    across = box.orientation == "horizontal"
    position = [p.get_y() + p.get_height() / 2 if across else p.get_x() + p.get_width() / 2 for p in box.patches]
    length = [p.get_width() if across else p.get_height() for p in box.patches]
    base = [p.get_x() if across else p.get_y() for p in box.patches]
    x, y = (length, position) if across else (position, length)
    return {"kind": "bars", "x": _plain(x), "y": _plain(y), "base": _plain(base)}


def _line(line: Any) -> dict[str, Any]:
    return {"kind": "line", "x": _plain(line.get_xdata(orig=True)), "y": _plain(line.get_ydata(orig=True))}


def _collection(collection: Any) -> dict[str, Any]:
    from matplotlib.collections import LineCollection, PathCollection, QuadMesh

    if isinstance(collection, PathCollection):
        x, y = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=float), np.nan).T
        values = collection.get_array()
        return {
            "kind": "points",
            "x": _plain(x),
            "y": _plain(y),
            **({} if values is None else {"value": _plain(values)}),
        }
    if isinstance(collection, QuadMesh):
        corners = np.asarray(collection.get_coordinates())  # (rows + 1, columns + 1, 2)
        return {
            "kind": "mesh",
            "x": _plain(corners[0, :, 0]),
            "y": _plain(corners[:, 0, 1]),
            "value": _plain(collection.get_array()),
        }
    outlines = [np.asarray(path.vertices) for path in collection.get_paths()]
    kind = "segments" if isinstance(collection, LineCollection) else "area"
    return {"kind": kind, "x": [_plain(v[:, 0]) for v in outlines], "y": [_plain(v[:, 1]) for v in outlines]}


def _patch(patch: Any) -> dict[str, Any]:
    from matplotlib.patches import StepPatch

    if isinstance(patch, StepPatch):
        values, edges, _ = patch.get_data()
        return {"kind": "stairs", "x": _plain(edges), "y": _plain(values)}
    outline = patch.get_patch_transform().transform(patch.get_path().vertices)
    return {"kind": "shape", "x": _plain(outline[:, 0]), "y": _plain(outline[:, 1])}


def _image(image: Any) -> dict[str, Any]:
    return {"kind": "image", "extent": _plain(image.get_extent()), "value": _plain(image.get_array())}


def _plain(values: Any) -> Any:
    """Numbers, texts and nested lists of them that JSON holds; masked, NaN and infinite values become None."""
    if isinstance(values, np.ma.MaskedArray):
        values = values.filled(np.nan) if values.dtype.kind == "f" else values.data
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list | tuple):
        return [_plain(value) for value in values]
    if isinstance(values, np.generic):
        values = values.item()
    if isinstance(values, float):
        return values if math.isfinite(values) else None
    return values if isinstance(values, int | str) or values is None else str(values)

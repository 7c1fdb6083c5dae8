"""`figure`: draw, save the picture and its data, and show it in a notebook."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from replications.figures.plotted import plotted
from replications.figures.style import INK, settings
from replications.figures.svg import inline
from replications.study.paths import build_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LINK_LIMIT = 30_000  # characters of a download link in the page
RASTER_DPI = 192  # two pixels of the screen for each of the page


@contextmanager
def figure(alt: str, *, name: str, width: float = 7.0, height: float = 3.0, raster: bool = False) -> Iterator[Figure]:
    """A matplotlib figure that is saved and shown when the block ends.

    Writes `build/figures/<name>.svg` (`.png` where `raster`) and `build/figures/<name>.json`, the plotted data, the
    same bytes on every run. In a notebook it shows the picture, with a link to the data where they are small.

    Args:
        alt: what the figure shows, for readers who do not see it: the finding, not the kind of chart.
        name: lower-case words joined by hyphens, unique in the book.
        width, height: inches.
        raster: a PNG on a white card; where an SVG would be larger (many points, large meshes).

    Text and axes take the colour of the page in light and dark, so no text may be given a colour of its own, except on
    top of an image. Black means the same as the colour of the text.

    Raises:
        ValueError: no alt text, a name that is not a slug, a text with a colour of its own.
    """
    if not alt.strip():
        raise ValueError(f"figure '{name}' needs alt text: say in a sentence what it shows")
    if not NAME.fullmatch(name):
        raise ValueError(f"figure name '{name}' must be lower-case words joined by hyphens, as in 'byol-collapse'")
    import matplotlib
    from matplotlib.figure import Figure

    alt = " ".join(alt.split())
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a reader's own settings must not change the book's figures
        matplotlib.rcParams.update(settings(salt=name))
        fig = Figure(figsize=(width, height), layout="constrained")
        yield fig
        _check_text(fig, name)
        data = json.dumps({"name": name, "alt": alt, "axes": plotted(fig)}, ensure_ascii=False, separators=(",", ":"))
        folder = build_folder() / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        picture = _png(fig, folder, name, alt, width) if raster else _svg(fig, folder, name, alt)
    (folder / f"{name}.json").write_text(data + "\n", encoding="utf-8", newline="\n")
    _show(f'<div class="replication-figure">{picture}{_link(data, name)}</div>', alt)


def _svg(fig: Figure, folder: Path, name: str, alt: str) -> str:
    drawn = io.StringIO()
    fig.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = inline(drawn.getvalue(), name, alt)
    (folder / f"{name}.svg").write_text(text, encoding="utf-8", newline="\n")
    return text.strip()


def _png(fig: Figure, folder: Path, name: str, alt: str, width: float) -> str:
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png", dpi=RASTER_DPI, facecolor="white", metadata={"Software": None})
    (folder / f"{name}.png").write_bytes(drawn.getvalue())
    source = "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode()
    style = "background: #ffffff; border-radius: 0.4rem; max-width: 100%; height: auto"
    return f'<img src="{source}" alt="{escape(alt)}" width="{round(96 * width)}" style="{style}">'


def _link(data: str, name: str) -> str:
    address = "data:application/json;base64," + base64.b64encode(data.encode()).decode()
    if len(address) >= LINK_LIMIT:
        return ""
    return f'<div><small><a download="{name}.json" href="{address}">Data behind this figure</a></small></div>'


def _show(html: str, alt: str) -> None:
    if "IPython" not in sys.modules:
        return
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        display({"text/html": html, "text/plain": alt}, raw=True)


def _check_text(fig: Figure, name: str) -> None:
    """Refuse a text that one of the two themes would hide; on an image, keep black and white as they are."""
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import to_hex
    from matplotlib.text import Text

    for text in fig.findobj(Text):
        color = to_hex(text.get_color())
        if color == INK or not text.get_text().strip() or not text.get_visible():
            continue
        ax = text.axes
        if (
            ax is None
            or text not in ax.texts
            or not (ax.images or any(isinstance(c, QuadMesh) for c in ax.collections))
        ):
            raise ValueError(
                f"figure '{name}': the text '{text.get_text()}' has a colour of its own ({color}): "
                "leave it out, so that it follows light and dark"
            )
        if color == "#000000":
            text.set_color("#000001")  # black alone would follow the page

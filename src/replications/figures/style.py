"""How every figure looks: matplotlib settings on top of matplotlib's own defaults."""

from typing import Any

from replications.figures.colors import DASHES, palette

# Stands for "the colour of the text around the figure" until the SVG is written; also what a raster figure prints.
INK = "#16191d"


def settings(salt: str) -> Any:
    """The rcParams of a figure, as a dict; `salt` fixes the names inside its SVG."""
    from cycler import cycler

    return {
        "axes.axisbelow": True,  # the grid never crosses an image
        "axes.edgecolor": INK,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.labelcolor": INK,
        "axes.prop_cycle": cycler(color=list(palette), linestyle=list(DASHES)),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": INK,
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "axes.unicode_minus": True,
        "boxplot.boxprops.color": INK,
        "boxplot.capprops.color": INK,
        "boxplot.flierprops.color": INK,
        "boxplot.flierprops.markeredgecolor": INK,
        "boxplot.whiskerprops.color": INK,
        "figure.edgecolor": "none",
        "figure.facecolor": "none",
        "font.family": ["DejaVu Sans"],  # ships with matplotlib: the same shapes on every machine
        "font.size": 9,
        "grid.alpha": 0.15,
        "grid.color": INK,
        "grid.linewidth": 0.6,
        "hatch.color": INK,
        "image.cmap": "cividis",  # ordered by lightness, and the same under colour blindness
        "legend.frameon": False,
        "legend.handlelength": 2.6,  # long enough to tell the dashes apart
        "legend.labelcolor": INK,
        "lines.linewidth": 1.6,
        "mathtext.fontset": "dejavusans",
        "patch.edgecolor": INK,
        "svg.fonttype": "path",  # glyphs as shapes: mathematics keeps its layout whatever fonts the reader has
        "svg.hashsalt": salt,
        "text.color": INK,
        "xtick.color": INK,
        "xtick.labelcolor": INK,
        "ytick.color": INK,
        "ytick.labelcolor": INK,
    }

"""Figures: one helper that requires alt text, draws for light and dark, and saves the data behind each figure.

    from replications.figures import band, figure, palette

    with figure("Loss falls in both conditions.", name="byol-loss") as fig:
        ax = fig.subplots()
        band(ax, steps, losses, label="full", color=palette[0])  # losses: (seeds, points)

matplotlib is imported when a figure is drawn, not before.
"""

from replications.figures.bands import band
from replications.figures.colors import palette
from replications.figures.drawing import figure

__all__ = ["band", "figure", "palette"]

"""Colours that hold 3:1 against the light and the dark page, and stay apart under colour blindness.

WCAG 2.2, criterion 1.4.11, asks 3:1 of graphical objects. Against both #ffffff and #14181e that leaves relative
luminances of 0.127 to 0.300, so hue must do the work; dashes and markers repeat what colour says.
"""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, overload

LIGHT = "#ffffff"  # the page of the theme, light
DARK = "#14181e"  # and dark

Dash = str | tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = (
    "-",
    (0, (6, 2)),
    (0, (6, 2, 1.5, 2)),
    (0, (1.5, 1.5)),
    (0, (10, 3)),
    (0, (8, 2, 1.5, 2, 1.5, 2)),
    (0, (3, 3)),
    (0, (1.5, 4)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")


class Palette:
    """Eight colours in the order of use: `palette[0]`, `palette["blue"]`; iterates over the colours.

    A whole number beyond the last wraps round. `values()`, `keys()` and `items()` are those of a dict from name to
    colour.
    """

    def __init__(self, colors: dict[str, str]) -> None:
        self._colors = colors
        self._order = list(colors.values())

    @overload
    def __getitem__(self, key: int | str) -> str: ...

    @overload
    def __getitem__(self, key: slice) -> list[str]: ...

    def __getitem__(self, key: int | str | slice) -> str | list[str]:
        if isinstance(key, slice):
            return self._order[key]
        if isinstance(key, str):
            if key not in self._colors:
                raise KeyError(f"no colour '{key}', choose from {', '.join(self._colors)} or a number")
            return self._colors[key]
        return self._order[key % len(self._order)]

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def keys(self) -> KeysView[str]:
        return self._colors.keys()

    def values(self) -> ValuesView[str]:
        return self._colors.values()

    def items(self) -> ItemsView[str, str]:
        return self._colors.items()

    def line(self, index: int) -> dict[str, Any]:
        """Keywords of `ax.plot` for the index-th condition: colour, dash and marker together."""
        return {
            "color": self[index],
            "linestyle": DASHES[index % len(DASHES)],
            "marker": MARKERS[index % len(MARKERS)],
            "markersize": 4,
        }


palette = Palette(
    {
        "blue": "#0072b2",
        "orange": "#d55e00",
        "green": "#55a07a",
        "magenta": "#e83ae0",
        "grey": "#756c6c",
        "violet": "#8f35e0",
        "olive": "#85854a",
        "sky": "#3c90fc",
    }
)


def luminance(color: str) -> float:
    """Relative luminance of '#rrggbb' (WCAG 2.2)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    """Contrast ratio of two colours '#rrggbb', from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)

"""From matplotlib's SVG to one that lives inside a page: the page's text colour, unique names, alt text, small."""

import re
from html import escape

from replications.figures.style import INK

_DROPPED = re.compile(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", re.DOTALL)
_REFERENCE = re.compile(r'(href="#|url\(#)([^")]+)')
_IDENTITY = re.compile(r' id="([^"]+)"')
_PAINT = re.compile(rf"(?<=: )(?:#000000|{INK})\b")
_COORDINATES = re.compile(r'(?<= )(d|x|y)="([^"]*)"')
_DECIMAL = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def inline(text: str, name: str, alt: str) -> str:
    """The SVG for a page, from what `savefig` wrote.

    Black and ink become `currentColor`, which the page sets for light and dark. matplotlib's style sheet would apply to
    the whole page and becomes attributes of the root. Names that are used become `<name>-0`, `<name>-1`, …; the others go.
    """
    root = re.search(r'<svg[^>]*?width="([^"]+)" height="([^"]+)" viewBox="([^"]+)"[^>]*>', text)
    if root is None:
        raise ValueError("not an SVG that matplotlib wrote: no root with width, height and viewBox")
    body = _DROPPED.sub("", text[root.end() :])
    body = _PAINT.sub("currentColor", body)
    body = _rename(body, name)
    body = _COORDINATES.sub(lambda found: f'{found[1]}="{_rounded(found[2])}"', body)
    body = re.sub(r">\s+<", "><", body).strip()
    width, height, box = root.groups()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" '
        f'height="{height}" viewBox="{box}" style="max-width: 100%; height: auto" fill="currentColor" '
        f'stroke-linejoin="round" stroke-linecap="butt" role="img" aria-label="{escape(alt)}">'
    )
    return f"{head}<title>{escape(alt, quote=False)}</title>{body}\n"


def _rename(body: str, name: str) -> str:
    used = dict.fromkeys(found[2] for found in _REFERENCE.finditer(body))  # in order of first use
    names = {old: f"{name}-{i}" for i, old in enumerate(used)}
    body = _IDENTITY.sub(lambda found: f' id="{names[found[1]]}"' if found[1] in names else "", body)
    return _REFERENCE.sub(lambda found: found[1] + names[found[2]], body)


def _rounded(coordinates: str) -> str:
    """Hundredths of a point are far below what a screen shows."""
    short = _DECIMAL.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), coordinates)
    return " ".join(short.split())

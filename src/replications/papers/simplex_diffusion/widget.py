"""The interactive picture: three categories, a slider for the noise level, no library and no network."""

from __future__ import annotations

import json
from string import Template

import numpy as np

from replications.papers.simplex_diffusion.figures import CORNERS, path_on_simplex

ALPHAS = (0.5, 1.0, 4.0)
FRAMES = 25
POINTS = 60
SCALE = 300  # units of the drawing a side of the triangle

_PAGE = Template("""<div class="simplex-widget" role="group" aria-label="$label">
<svg viewBox="-40 -24 380 320" width="100%" style="max-width:30rem;display:block;margin:auto" role="img" aria-label="$label">
<polygon points="$outline" fill="none" stroke="currentColor" stroke-width="1.2"/>
<text x="0" y="281" text-anchor="middle" fill="currentColor" font-size="13">token 1</text>
<text x="300" y="281" text-anchor="middle" fill="currentColor" font-size="13">token 2</text>
<text x="150" y="-9" text-anchor="middle" fill="currentColor" font-size="13">token 3</text>
<g class="points" fill="#3b82c4">$circles</g></svg>
<p style="text-align:center"><label>noise level s <input type="range" class="level" min="0" max="$last" value="6" step="1"></label>
<output class="shown"></output>
<label>α <select class="alpha">$options</select></label></p>
<script>
(function () {
  var box = document.currentScript.closest(".simplex-widget");
  var data = $data, levels = $levels;
  var level = box.querySelector(".level"), alpha = box.querySelector(".alpha"), shown = box.querySelector(".shown");
  var points = box.querySelectorAll("circle");
  function draw() {
    var frame = data[alpha.value][level.value];
    points.forEach(function (point, i) {
      point.setAttribute("cx", frame[2 * i]);
      point.setAttribute("cy", frame[2 * i + 1]);
    });
    shown.textContent = levels[level.value].toFixed(2);
    level.setAttribute("aria-valuetext", "s = " + shown.textContent);
  }
  level.addEventListener("input", draw);
  alpha.addEventListener("change", draw);
  draw();
})();
</script></div>""")


def simplex_widget(seed: int = 0) -> str:
    """HTML of the picture: sixty exact paths of X from the first corner for each α, one frame a level."""
    rng = np.random.default_rng(seed)
    data = {f"{a:g}": [_coordinates(frame) for frame in path_on_simplex(a, FRAMES, POINTS, rng)] for a in ALPHAS}
    start = data[f"{ALPHAS[1]:g}"][0]
    return _PAGE.substitute(
        label="Sixty tokens leave the first corner of the simplex as the noise level rises.",
        outline=" ".join(f"{x},{y}" for x, y in np.reshape(_coordinates(np.eye(3)), (-1, 2))),
        circles="".join(f'<circle r="3" cx="{x}" cy="{y}"/>' for x, y in zip(start[::2], start[1::2])),
        options="".join(f"<option{' selected' if a == ALPHAS[1] else ''}>{a:g}</option>" for a in ALPHAS),
        last=FRAMES - 1,
        data=json.dumps(data, separators=(",", ":")),
        levels=json.dumps([round(float(s), 3) for s in np.linspace(0, 0.97, FRAMES)]),
    )


def _coordinates(x: np.ndarray) -> list[int]:
    """Points of the simplex (m, 3) as x, y, x, y … in the drawing's units, y downwards."""
    points = x @ CORNERS * SCALE
    points[:, 1] = CORNERS[2, 1] * SCALE - points[:, 1]
    return [round(float(v)) for v in points.reshape(-1)]

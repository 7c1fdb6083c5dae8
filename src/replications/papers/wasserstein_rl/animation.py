"""A policy density that a reader moves through time: one SVG, a range input and a few lines of script, no library."""

from __future__ import annotations

import json
from html import escape
from string import Template

import numpy as np

from replications.figures import palette
from replications.study import Records

WIDTH, HEIGHT, BASE = 640, 250, 215  # of the drawing and of its base line, in units of the SVG
TOP = 190  # height of the highest density, in the same units
EVERY = 2  # of the recorded points: enough for a smooth line

PAGE = Template("""
<div class="replication-figure" id="wrl-slider">
<svg viewBox="0 0 $width $height" width="$width" height="$height" role="img" aria-label="$alt"
 fill="currentColor" font-size="12"><title>$alt</title>
<path d="$gibbs" fill="none" stroke="$orange" stroke-width="2" stroke-dasharray="6 4"/>
<path d="$reward" fill="none" stroke="$grey" stroke-width="1.5" stroke-dasharray="2 3"/>
<path class="wrl-now" d="$first" fill="$blue" fill-opacity="0.35" stroke="$blue" stroke-width="2"/>
<path d="M0 ${base}H$width" stroke="currentColor"/>
$ticks
<text x="8" y="16">policy π (filled), e^(r/β) normalised (dashed), reward r (dotted, own scale)</text>
</svg>
<div><label>time <input type="range" min="0" max="$last" value="0" step="1" style="width: 26rem; max-width: 55vw; vertical-align: middle"
 aria-label="time of the policy density"/></label>
 <output>$start</output> <button type="button">play</button></div>
<script>
(function () {
  const box = document.getElementById("wrl-slider"), frames = $frames, times = $times;
  const [path, range, out, play] = [".wrl-now", "input", "output", "button"].map((s) => box.querySelector(s));
  const dx = $width / (frames[0].length - 1);
  const show = () => {
    const line = frames[range.value].map((y, i) => (i * dx).toFixed(1) + " " + ($base - y)).join("L");
    path.setAttribute("d", "M0 $base L" + line + "L$width $base Z");
    out.textContent = "t = " + times[range.value];
  };
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "play"; };
  range.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (+range.value === $last) { range.value = 0; }
    play.textContent = "stop";
    timer = setInterval(() => { if (+range.value === $last) { stop(); } else { range.stepUp(); show(); } }, 80);
  });
})();
</script>
</div>
""")


class Animation:
    """HTML in a notebook, its alt text elsewhere."""

    def __init__(self, html: str, alt: str) -> None:
        self.html, self.alt = html, alt

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.alt


def area(heights: list[int]) -> str:
    """The SVG path of the area below `heights`, as the script draws it."""
    dx = WIDTH / (len(heights) - 1)
    line = "L".join(f"{i * dx:.1f} {BASE - y}" for i, y in enumerate(heights))
    return f"M0 {BASE} L{line}L{WIDTH} {BASE} Z"


def density(records: Records, seed: int = 0) -> Animation:
    """The policy of the double well from its start to its stationary law; `seed` counts the recorded bandits.

    Raises:
        ValueError: there is no such seed.
    """
    frames = records.arrays("wells", "frames")
    if not 0 <= seed < len(frames):
        raise ValueError(f"bandit {seed} is not recorded: choose 0 to {len(frames) - 1}")
    found = {n: records.arrays("wells", n)[seed][::EVERY] for n in ("gibbs", "actions", "reward")}
    times = records.arrays("wells", "times")[seed]
    shown = frames[seed][:, ::EVERY]  # (frames, points)
    scale = TOP / float(max(shown.max(), found["gibbs"].max()))
    heights = np.rint(shown * scale).astype(int).tolist()
    best = found["actions"][found["reward"].argmax()]
    alt = (
        "A policy density starts as one hump at the worse action, spreads, drifts over the barrier, and settles on two "
        f"humps of which the one at the better action, {best:.1f}, is the higher."
    )
    reward = np.clip(found["reward"] - found["reward"].max(), -1.0, 0.0)  # the steep walls are cut
    actions = found["actions"].astype(float)
    marks = [(mark, WIDTH * (mark - actions[0]) / (actions[-1] - actions[0])) for mark in (-2, -1, 0, 1, 2)]
    html = PAGE.substitute(
        width=WIDTH, height=HEIGHT, base=BASE, alt=escape(alt), blue=palette["blue"], orange=palette["orange"],
        grey=palette["grey"], last=len(times) - 1, start=f"t = {times[0]:.2f}", first=area(heights[0]),
        gibbs=_line((found["gibbs"] * scale).tolist()), reward=_line(((reward + 1) * 0.55 * TOP).tolist()),
        ticks="".join(f'<text x="{x:.0f}" y="{BASE + 18}" text-anchor="middle">{mark}</text>' for mark, x in marks)
        + f'<text x="{WIDTH - 4}" y="{BASE + 33}" text-anchor="end">action a</text>',
        frames=json.dumps(heights, separators=(",", ":")), times=json.dumps([f"{t:.2f}" for t in times]),
    )  # fmt: skip
    return Animation(html, alt)


def _line(heights: list[float]) -> str:
    dx = WIDTH / (len(heights) - 1)
    return "M" + "L".join(f"{i * dx:.1f} {BASE - y:.1f}" for i, y in enumerate(heights))

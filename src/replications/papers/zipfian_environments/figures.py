"""The chapter's figures and tables: the gap, what exposure explains, the room, the levels, and the paper's tables beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from replications.figures import band, figure, palette
from replications.papers.zipfian_environments.estimands import RARE, TRAIN, UNIFORM
from replications.papers.zipfian_environments.levels import LEVELS
from replications.papers.zipfian_environments.study import RECONSTRUCTIONS
from replications.study import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SERIES = {"train": "training law", "uniform": "uniform", "uniform_rare": "rarest fifth"}
FLOORS = {"zipf_2": 0.0324, "zipf_1": 0.0400, "uniform": 0.0477, "uniform_rare": 0.0859}  # random policy, exact
AGENTS = {
    "mlp_zipf_2": "actor-critic, no memory, zipf_2",
    "mlp_zipf_1": "actor-critic, no memory, zipf_1",
    "mlp_uniform": "actor-critic, no memory, uniform",
    "lstm_zipf_2": "LSTM, zipf_2",
    "lstm": "LSTM, zipf_1",
    "transformer": "gated Transformer-XL, zipf_1",
    "reconstruction_0.03": "reconstruction, weight 0.03, zipf_1",
    "reconstruction_0.3": "reconstruction, weight 0.3, zipf_1",
    "reconstruction_3": "reconstruction, weight 3, zipf_1",
    "byol": "BYOL-style loss, zipf_1",
    "replay_priorities": "replay with priorities, zipf_1",
    "replay_uniform": "replay without priorities, zipf_1",
    "table_zipf_2": "table of values, zipf_2",
    "table_zipf_1": "table of values, zipf_1",
    "table_uniform": "table of values, uniform",
}
PAPER = {  # Tables 3 and 10, trained on zipf_2: train, uniform, rare
    "mlp_zipf_2": (None, 0.77, 0.13),
    "lstm": (0.851, 0.69, 0.24),
    "lstm_zipf_2": (0.851, 0.69, 0.24),
    "transformer": (None, 0.82, 0.22),
    **{f"reconstruction_{weight:g}": (0.989, 0.80, 0.29) for weight in RECONSTRUCTIONS},  # of one weight, unsaid
    "byol": (0.751, 0.31, 0.03),
    "replay_priorities": (0.672, 0.35, 0.18),
}
ROOM = {"lift": "lift, α = 3", "lift_uniform": "lift, uniform", "put": "put, α = 2"}
PAPER_ROOM = {"lift": (0.999, 0.65, 0.59), "put": (None, 0.62, 0.49)}  # Tables 1 and 9, IMPALA
FIND = {"find_rl": "reinforcement", "find_classifier": "maximum likelihood"}
PAPER_FIND = {"find_rl": (1.00, 0.78, 0.66), "find_classifier": (1.00, 0.79, 0.64)}  # Table 4
NOTHING = (None, None, None)
PRINTED = "paper: train, uniform, rare"
LAWS = {"uniform": 0, "zipf_1": 1, "zipf_2": 2}


def scale(records: Records, condition: str) -> str:
    """The scale of a condition in words, for captions."""
    if condition not in records:
        return f"profile {records.profile}: not run"
    runs = records[condition]
    what = "examples" if condition.startswith("find") else "environment steps"
    return f"profile {records.profile}: {runs[0].cost.samples:,} {what} a run, {len(runs)} seed{'s' if len(runs) > 1 else ''}"


def cell(values: np.ndarray) -> str:
    """Median over seeds ± median absolute deviation, as the paper reports."""
    middle = float(np.median(values))
    return f"{middle:.2f}" + (f" ± {float(np.median(np.abs(values - middle))):.2f}" if len(values) > 1 else "")


def in_print(numbers: Sequence[float | None] = NOTHING) -> str:
    """The paper's train, uniform and rare, with dashes for what it does not print."""
    return ", ".join("–" if number is None else f"{number:.2f}" for number in numbers)


def view() -> None:
    """Maps 0 and 19 from above, and what the agent sees at the start of two situations."""
    import torch

    from replications.papers.zipfian_environments.gridworld import Gridworld
    from replications.papers.zipfian_environments.single import whole_map

    world = Gridworld("uniform", 2)
    world.reset(situation=torch.tensor([0, 399]))
    seen = world.pixels().numpy()
    alt = (
        "Two maps of nine rooms with coloured shapes and the white agent, and beside each the agent's first view: seven by seven cells "
        "around it, the upper left one replaced by the picture of the object to find on grey."
    )
    panels = (
        ("map 1, most frequent", whole_map(0)),
        ("first view, target 1", seen[0]),
        ("map 20, rarest", whole_map(19)),
        ("first view, target 20", seen[1]),
    )
    with figure(alt, name="zipf-world", width=7.6, height=2.2, raster=True) as fig:
        for ax, (title, picture) in zip(fig.subplots(1, 4), panels):
            ax.imshow(picture, interpolation="nearest")
            ax.set_title(title, fontsize=8)
            ax.set_axis_off()


def _curves(ax: Axes, records: Records, condition: str, names: Sequence[str], title: str) -> None:
    for index, name in enumerate(names):
        frames, values = records.curve(condition, name)
        band(ax, frames / 1e6, values, SERIES[name.removeprefix("success_")], index)
    ax.set(title=title, xlabel="million steps", ylim=(-0.02, 1.02))


def gaps(records: Records) -> None:
    """Success against steps under each training law: the paper's Figure 10 for one agent."""
    laws = [law for law in LAWS if f"mlp_{law}" in records]
    alt = (
        "Success of the agent without memory against environment steps, a panel a training law. Trained on the uniform law, success "
        "on the rarest fifth lies above uniform success. Trained on skewed laws, success on the training law rises first and "
        "furthest, uniform success follows far below it, and the rarest fifth last: little for zipf_1 and not at all for zipf_2."
    )
    with figure(alt, name="zipf-gap", width=7.6, height=2.7) as fig:
        axes = fig.subplots(1, len(laws), sharey=True, squeeze=False)[0]
        for ax, law in zip(axes, laws):
            _curves(ax, records, f"mlp_{law}", tuple(SERIES), f"trained on {law}, α = {LAWS[law]}")
            ax.axhline(FLOORS["uniform_rare"], color=palette["grey"], linewidth=0.8, linestyle=":")
        axes[0].set_ylabel("success")
        axes[0].legend(fontsize=7.5)


def exposure(records: Records) -> None:
    """Success in each of the 400 situations against how often it was played in training, network and table."""
    alt = (
        "Mean success over situations against the number of training episodes in them, on a logarithmic axis. Success stays at its "
        "floor up to about ten episodes and rises with exposure for both: over hundreds to thousands of episodes to one for the "
        "network, over tens to hundreds to about 0.8 for the table, which acts at random one step in ten."
    )
    with figure(alt, name="zipf-exposure", width=7.4, height=2.8) as fig:
        axes = fig.subplots(1, 2, sharey=True)
        for ax, law in zip(axes, ("zipf_1", "zipf_2")):
            for index, (kind, label) in enumerate((("mlp", "network"), ("table", "table of values"))):
                name = f"{kind}_{law}"
                if name not in records:
                    continue
                centres, means = binned(records.arrays(name, "episodes"), records.arrays(name, "success"))
                ax.plot(centres, means, label=label, **palette.line(index))
            ax.set(
                title=f"trained on {law}",
                xlabel="episodes of the situation in training",
                xscale="symlog",
                ylim=(-0.02, 1.02),
            )
        axes[0].set_ylabel("success")
        axes[0].legend(fontsize=7.5)


def binned(episodes: Sequence[np.ndarray], success: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean success of situations with about as many episodes: bins of 0, 1-2, 3-9, 10-31, … Both (bins,)."""
    seen, won = np.concatenate([e.ravel() for e in episodes]), np.concatenate([s.ravel() for s in success])
    edges = np.concatenate([[0, 1], 10 ** np.arange(0.5, 7.1, 0.5)])
    which = np.digitize(seen, edges)
    bins = np.unique(which)
    return np.array([seen[which == b].mean() for b in bins]), np.array([won[which == b].mean() for b in bins])


def room(records: Records) -> None:
    """Success in the room against steps: the paper's Figure 2 and its control."""
    alt = (
        "Success in the room against environment steps. Lifting under the skewed law, success on the training law goes towards one, that "
        "on all objects to about half, and that on the rarest fifth stays about chance. Trained on the uniform law the curves stay "
        "together. Bands are wide: seeds differ in when they begin to learn."
    )
    present = [name for name in ROOM if name in records]
    with figure(alt, name="zipf-room", width=7.6, height=2.7) as fig:
        axes = fig.subplots(1, len(present), sharey=True, squeeze=False)[0]
        for ax, name in zip(axes, present):
            _curves(ax, records, name, (TRAIN, UNIFORM, RARE), ROOM[name])
            ax.axhline(1 / 3, color=palette["grey"], linewidth=0.8, linestyle=":")
        axes[0].set_ylabel("success")
        axes[0].legend(fontsize=7.5)


def levels(records: Records) -> None:
    """Return of each level, trained forward, reversed and on all alike; what Table 2 summarises, on other levels."""
    orders = {"levels_forward": "forward", "levels_reversed": "reversed", "levels_uniform": "all alike"}
    if not all(name in records for name in orders):
        print(f"The levels are not run at profile {records.profile}.")
        return
    alt = (
        "Mean return of thirty levels in the order of their list, for agents trained with the list forward, reversed and all "
        "levels alike, and for random play."
    )
    with figure(alt, name="zipf-levels", width=7.6, height=3.4) as fig:
        ax = fig.subplots()
        place = np.arange(len(LEVELS))
        for index, (name, label) in enumerate(orders.items()):
            ax.plot(place, np.mean(records.arrays(name, "return"), axis=0), label=label, **palette.line(index))
        random = np.mean(records.arrays("levels_uniform", "random"), axis=0)
        ax.plot(place, random, label="random play", color=palette["grey"], linewidth=0.8, linestyle=":")
        ax.set_xticks(place, LEVELS, rotation=90, fontsize=6)
        ax.set(ylabel="return")
        ax.legend(fontsize=7.5)


def told_levels(records: Records) -> dict[str, str]:
    """Steps a run on the levels, and the mean return of the agent trained on all alike, as the text says them."""
    if "levels_uniform" not in records:
        return {"steps": "–", "uniform": "–"}
    steps = records["levels_uniform"][0].cost.samples
    return {
        "steps": f"{steps:,}",
        "uniform": f"{np.median(records.scalars('levels_uniform', 'return_uniform')):.2f}",
    }


def walk(seed: int = 0) -> None:
    """Four frames of the three-dimensional room."""
    from replications.papers.zipfian_environments.demonstration import demonstrate

    shown = demonstrate(seed)
    alt = (
        f"Four pictures of a brick room with coloured boxes and balls, as an agent goes up to one: {shown.instruction}."
    )
    with figure(alt, name="zipf-walk", width=7.6, height=1.7, raster=True) as fig:
        for ax, picture in zip(fig.subplots(1, len(shown.frames)), shown.frames):
            ax.imshow(picture)
            ax.set_axis_off()
        fig.suptitle(f"“{shown.instruction}”, {shown.steps} steps", fontsize=9)


def row(records: Records, name: str, label: dict[str, str]) -> dict[str, object]:
    """A condition's train, uniform and rare, median over seeds."""
    successes = {"train": TRAIN, "uniform": UNIFORM, "rare": RARE}
    return {**label, **{title: cell(records.scalars(name, metric)) for title, metric in successes.items()}}


def table(records: Records) -> list[dict[str, object]]:
    """A row an agent of the gridworld: train, uniform, rare, beside the paper's Tables 3 and 10 (there on zipf_2)."""
    chance = {"train": "–", "uniform": f"{FLOORS['uniform']:.2f}", "rare": f"{FLOORS['uniform_rare']:.2f}"}
    return [
        {"agent": "random policy, exact", **chance, PRINTED: in_print(), "rare episodes seen": "–"},
        *(
            {
                **row(records, name, {"agent": AGENTS[name]}),
                PRINTED: in_print(PAPER.get(name, NOTHING)),
                "rare episodes seen": round(float(np.median(records.scalars(name, "rare_episodes")))),
            }
            for name in AGENTS
            if name in records
        ),
    ]


def small_table(
    records: Records, names: dict[str, str], printed: dict[str, tuple[float | None, float, float]]
) -> list[dict[str, object]]:
    """A row a condition: train, uniform, rare, with the paper's numbers beside."""
    return [
        {**row(records, name, {"condition": label}), PRINTED: in_print(printed.get(name, NOTHING))}
        for name, label in names.items()
        if name in records
    ]


def gap_table(records: Records) -> list[dict[str, object]]:
    """Both gaps and their sum under each training law, network and table, median over seeds."""
    rows: list[dict[str, object]] = []
    for kind, label in (("mlp", "network"), ("table", "table of values")):
        for law, exponent in LAWS.items():
            name = f"{kind}_{law}"
            if name in records:
                train, uniform, rare = (records.scalars(name, metric) for metric in (TRAIN, UNIFORM, RARE))
                rows.append(
                    {
                        "learner": label,
                        "α": exponent,
                        "train − uniform": cell(train - uniform),
                        "uniform − rare": cell(uniform - rare),
                        "train − rare": cell(train - rare),
                    }
                )
    return rows


def rarities() -> list[dict[str, object]]:
    """What each training law shows of the 400 situations: share of the commonest, of the rarest fifth, and random success."""
    from replications.papers.zipfian_environments.gridworld import situation_law

    rare = situation_law("uniform_rare") > 0
    rows: list[dict[str, object]] = []
    for law, exponent in LAWS.items():
        chances = situation_law(law)
        rows.append(
            {
                "training law": f"{law}, α = {exponent}",
                "commonest situation": f"{100 * chances.max():.2g} %",
                "rarest fifth of both, 16 situations": f"{100 * chances[rare].sum():.2g} %",
                "episodes to one of these": f"{1 / chances[rare].sum():,.0f}",
                "random success": f"{FLOORS[law]:.3f}",
            }
        )
    return rows

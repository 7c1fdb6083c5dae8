"""The study of "Biologically inspired architectures for sample-efficient deep reinforcement learning" (arXiv 1911.11285).

The protocol is ours: the paper's layer tables, ranks, games and optimiser settings could not be read. MinAtar at 20,000
steps is where claims are judged on a laptop. Krull at 4,000 steps, there too, is a named short protocol that shows the
Atari agent at work and carries no verdict. The 100,000-step protocol is that of `gpu` and `paper`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from replications.papers.bio_inspired_rl import runs
from replications.papers.bio_inspired_rl.config import Config
from replications.papers.bio_inspired_rl.exact import ExactConfig, run_exact
from replications.papers.bio_inspired_rl.networks import Shape, fit
from replications.papers.bio_inspired_rl.published import ACTIONS
from replications.study import Context, Metric, Outcome, Plan, Study

NETS = {  # name → kind, total compression
    "dense": ("dense", 1.0),
    "tucker-2": ("tucker", 2.0),
    "tucker-5": ("tucker", 5.0),
    "tucker-10": ("tucker", 10.0),
    "narrow-2": ("narrow", 2.0),
    "narrow-5": ("narrow", 5.0),
    "narrow-10": ("narrow", 10.0),
    "cp-10": ("cp", 10.0),
    "low-rank-10": ("low-rank", 10.0),
}
MINATAR = {  # game → planes, actions of its minimal set, score whose first reaching is timed
    "breakout": (4, 3, 2.0),
    "space_invaders": (6, 4, 8.0),
}
# Adam's rate on MinAtar by kind of layer: the best of 0.0005, 0.001 and 0.002 in a pilot on Breakout, seeds 100 to 102,
# for dense, Tucker and narrow networks; CP and low-rank layers take Tucker's. The narrow control likes larger steps.
MINATAR_RATES = {"dense": 1e-3, "tucker": 1e-3, "cp": 1e-3, "low-rank": 1e-3, "narrow": 2e-3}
GPU_GAMES = ("road_runner", "krull", "kung_fu_master", "freeway")
KFAC_LR = 0.01  # pilot: 0.01, 0.05 and 0.2 on Breakout

DER = Config(  # van Hasselt et al. 2019, without noise
    game="atari/krull", channels=1, side=84, stack=4, actions=18, trunk="der", hidden=256, atoms=51, dueling=True,
    lr=1e-4, steps=100_000, learning_starts=1_600, period=1, n_step=20, target_every=2_000, epsilon_steps=5_000,
    epsilon=0.01, episodes=100, limit=27_000,
)  # fmt: skip
NATURE = replace(DER, trunk="nature", hidden=512)

AnyConfig = Config | ExactConfig


def with_shape(config: Config, shape: Shape) -> Config:
    """The config with a network's hidden and output layers."""
    return replace(config, layer=shape.layer, hidden=shape.hidden, ranks=shape.ranks, output_rank=shape.output_rank)


def net(config: Config, name: str) -> Config:
    """The dense `config` with the network `name` of NETS."""
    kind, ratio = NETS[name]
    return config if kind == "dense" else with_shape(config, fit(config.shape(), kind, ratio))


def scattered(config: Config, scales: int, ratio: float) -> Config:
    """Scattering in place of the trunk of dense `config`, and a Tucker layer: 1/ratio of its coefficients in all."""
    front = replace(config, trunk="none", scattering=scales)
    # a quarter of the ranks: the coefficients of neighbouring angles and places repeat one another
    return with_shape(front, fit(front.shape(), "tucker", ratio, config.shape(), share=0.25))


def minatar(game: str, names: tuple[str, ...] = tuple(NETS), **size: int) -> dict[str, Config]:
    """Every network on a MinAtar game, scattering and K-FAC included."""
    channels, actions, threshold = MINATAR[game]
    dense = Config(game=game, channels=channels, actions=actions, threshold=threshold, **size)  # type: ignore[arg-type]
    kfac = replace(net(dense, "tucker-10"), optimizer="kfac", lr=KFAC_LR)
    return {
        **{f"{game}-{name}": replace(net(dense, name), lr=MINATAR_RATES[NETS[name][0]]) for name in names},
        f"{game}-scattering-tucker-10": scattered(dense, 1, 10.0),
        f"{game}-kfac-tucker-10": kfac,
    }


def krull(**size: int) -> dict[str, Config]:
    """The named short protocol: data-efficient Rainbow's small trunk, hidden and output layers three times fewer in all."""
    dense = replace(DER, **size)  # type: ignore[arg-type]
    return {
        "krull-dense": dense,
        "krull-tucker-3": with_shape(dense, fit(dense.shape(), "tucker", 3.0)),
        "krull-narrow-3": with_shape(dense, fit(dense.shape(), "narrow", 3.0)),
        "krull-scattering-tucker-3": scattered(dense, 3, 3.0),
    }


def atari(games: tuple[str, ...], names: tuple[str, ...], base: Config) -> dict[str, Config]:
    """Networks on Atari games."""
    found: dict[str, Config] = {}
    for game in games:
        dense = replace(base, game=f"atari/{game}", actions=18 if base.full_actions else ACTIONS[game])
        found |= {f"{game}-{name}": net(dense, name) for name in names}
    return found


def _paper() -> dict[str, Config]:
    found = atari(tuple(ACTIONS), tuple(NETS), NATURE)
    for game, actions in ACTIONS.items():
        dense = replace(NATURE, game=f"atari/{game}", actions=actions)
        found[f"{game}-scattering-tucker-10"] = scattered(dense, 3, 10.0)
        found[f"{game}-kfac-tucker-10"] = replace(net(dense, "tucker-10"), optimizer="kfac", lr=KFAC_LR)
        found[f"{game}-der-noisy"] = replace(DER, game=f"atari/{game}", actions=actions, noisy=True)
    return found


def run(config: AnyConfig, context: Context) -> Outcome:
    """One condition, one seed.

    Raises:
        UserError: an optional package or a ROM is missing, or an environment died.
    """
    return together([config], [context])[0]


def together(configs: list[AnyConfig], contexts: list[Context]) -> list[Outcome]:
    """Agents of one program side by side."""
    agents = [config for config in configs if isinstance(config, Config)]
    if len(agents) == len(configs):
        return runs.run_together(agents, contexts)
    return [run_exact(config, c) for config, c in zip(configs, contexts) if isinstance(config, ExactConfig)]


def program(config: AnyConfig) -> Hashable:
    """What runs must share to train as one program: all but an Atari game's name, where networks have equal shapes."""
    if isinstance(config, Config) and config.atari:
        return replace(config, game="atari/")
    return config


def dry_run(config: AnyConfig, context: Context) -> str:
    """Build the network of the paper profile and take two updates on random transitions of the real shape."""
    assert isinstance(config, Config)
    return runs.dry_run(config, context)


METRICS = {
    "score": Metric("points", "mean score of the episodes played after training, by the last weights"),
    "random_score": Metric("points", "the same for random play (MinAtar)"),
    "training_score": Metric("points", f"mean of the last {runs.RECENT} training episodes"),
    "mean_training_score": Metric(
        "points", "that mean, averaged over all steps of the training: the area of the curve"
    ),
    "coefficients": Metric("", "learned coefficients of the network, biases included"),
    "updates": Metric("updates", "of the whole training"),
    "updates_to_threshold": Metric(
        "updates",
        f"until the mean of {runs.RECENT} training episodes first reaches the game's threshold; all where never",
    ),
    "reached": Metric("", "1 where it was reached"),
    "count_error": Metric("", "largest difference of a built network's weights to the closed form of its count"),
    "full_rank_error": Metric("", "largest difference of a full-rank Tucker layer's output to the dense layer's"),
    "kfac_error": Metric("fraction", "distance of a K-FAC step to the exact natural gradient, λ = 10⁻¹⁴"),
    "projection_error": Metric(
        "", "largest mass that C51's projection loses, or error of its mean off the clipped ends"
    ),
    "scattering_count_error": Metric("", "channels, sides and learned parameters that the formula does not foretell"),
    "scattering_stack_error": Metric("fraction", "largest difference of S(stack) to the stack of S(frame)"),
    "table_error": Metric("HNS", "largest difference of published means and medians to those of the published scores"),
}

_SHORT = {"steps": 300, "learning_starts": 60, "epsilon_steps": 150, "target_every": 20, "episodes": 2, "limit": 60}
_SMOKE_NETS = ("dense", "tucker-10", "narrow-10")

STUDY = Study(
    paper="bio_inspired_rl",
    title="Biologically inspired architectures for sample-efficient deep reinforcement learning",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(
            {
                **minatar("breakout", _SMOKE_NETS, **_SHORT),
                **{
                    name: config
                    for name, config in krull(
                        steps=60, learning_starts=40, episodes=1, limit=20, n_step=5, epsilon_steps=30
                    ).items()
                    if name in ("krull-tucker-3", "krull-scattering-tucker-3")
                },
                "exact": ExactConfig(),
            },
            seeds=1,
            minutes=0.4,
        ),
        "laptop": Plan(
            {
                **minatar("breakout"),
                **minatar("space_invaders"),
                **krull(steps=4_000, learning_starts=1_000, period=2, target_every=500, epsilon_steps=2_000, episodes=3, limit=5_000),
                "exact": ExactConfig(),
            },
            seeds=5,
            minutes=25,
            memory_gb=1.0,
        ),
        "gpu": Plan(
            # two updates' batches in one, and one action set, so that twelve agents are one program of half the launches
            atari(
                GPU_GAMES, ("dense", "tucker-2", "tucker-10", "narrow-10"),
                replace(NATURE, full_actions=True, period=2, batch=64, target_every=1_000, episodes=10),
            ),
            seeds=3,
            minutes=28,
            hardware="one H100 GPU (estimated)",
            memory_gb=30,
        ),
        "paper": Plan(
            _paper(),
            seeds=5,
            minutes=40_000,
            hardware="one H100 GPU (estimated)",
            memory_gb=8,
        ),
    },
    dry_run=dry_run,
    together=together,
    program=program,
    together_limit=12,
)  # fmt: skip

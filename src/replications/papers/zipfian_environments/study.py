"""The study of "Zipfian environments for reinforcement learning" (Chan et al. 2022).

Agents learn in Zipf's Gridworld, whose rules are the paper's, and in stand-ins for its two other worlds, and are tested on all
situations and on the rarest fifth. The paper trains for millions of updates on accelerators; these profiles do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch

from replications.papers.zipfian_environments import find, labyrinth, learning, lift, replay, table
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import ACTIONS, Gridworld
from replications.study import Context, Metric, Outcome, Plan, Study, UserError

EXPERIMENTS: dict[str, Callable[[Config, Context], Outcome]] = {
    "actor_critic": learning.run,
    "replay": replay.run,
    "table": table.run,
    "lift": lift.run,
    "find": find.run,
    "labyrinth": labyrinth.run,
}
RECONSTRUCTIONS = (0.03, 0.3, 3.0)  # weights of the loss that the paper does not state


def run(config: Config, context: Context) -> Outcome:
    """Run one experiment.

    Raises:
        UserError: no such experiment, or as its own `run` says.
    """
    if config.experiment not in EXPERIMENTS:
        raise UserError(f"no experiment '{config.experiment}': choose one of {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[config.experiment](config, context)


def gridworld(base: Config) -> dict[str, Config]:
    """The agents of Table 3 on `zipf_1`, and the plain one on `zipf_2` and on the uniform law besides."""
    one = replace(base, train="zipf_1")
    table_base = replace(base, experiment="table", copies=min(base.copies, 256))
    return {
        "mlp_zipf_1": one,
        "mlp_zipf_2": replace(base, train="zipf_2"),
        "mlp_uniform": replace(base, train="uniform"),
        **{f"table_{name}": replace(table_base, train=name) for name in ("zipf_1", "zipf_2", "uniform")},
        **{f"reconstruction_{weight:g}": replace(one, reconstruction=weight) for weight in RECONSTRUCTIONS},
        "byol": replace(one, byol=1.0),
        "lstm": replace(one, memory="lstm"),
        "transformer": replace(one, memory="transformer"),
    }


def replays(base: Config) -> dict[str, Config]:
    """The replay agent with and without priorities, on `zipf_1`."""
    one = replace(base, experiment="replay", train="zipf_1", gamma=0.9, copies=min(base.copies, 256), lr=1e-3)
    return {"replay_priorities": one, "replay_uniform": replace(one, priorities=False)}


def playroom(base: Config) -> dict[str, Config]:
    """The room: lifting at α = 3 and on the uniform law, and putting at α = 2."""
    room = replace(base, experiment="lift", width=64, gamma=0.99, looks=min(base.looks, 8))
    return {
        "lift": replace(room, train="zipf_3"),
        "lift_uniform": replace(room, train="uniform"),
        "put": replace(room, train="zipf_2", world="put"),
    }


def finding(base: Config) -> dict[str, Config]:
    """The find task at α = 3, by reinforcement and by maximum likelihood."""
    task = replace(base, experiment="find", train="zipf_3", width=64, gamma=0.99)
    return {"find_rl": replace(task, world="rl"), "find_classifier": replace(task, world="classifier")}


def levels(base: Config) -> dict[str, Config]:
    """The thirty levels: forward, reversed, and all alike."""
    maze = replace(base, experiment="labyrinth", train="zipf_1", width=96, gamma=0.97, minibatches=1, entropy_cost=0.01)
    return {
        "levels_forward": replace(maze, world="forward"),
        "levels_reversed": replace(maze, world="reversed"),
        "levels_uniform": replace(maze, train="uniform", world="forward"),
    }


def conditions(
    grid: Config, base: Config, room: int, find_examples: int, level_frames: int, level: Config
) -> dict[str, Config]:
    """All conditions at one size: `grid` for the gridworld, steps for room and levels, examples for the find task."""
    return {
        **gridworld(grid),
        **replays(grid),
        **playroom(replace(base, frames=room)),
        **finding(replace(base, frames=find_examples)),
        **levels(replace(level, frames=level_frames)),
    }


def only(chosen: dict[str, Config], *names: str) -> dict[str, Config]:
    """Some of the conditions."""
    return {name: chosen[name] for name in names}


def paper_gridworld() -> dict[str, Config]:
    """The published agents in the gridworld: 512 units, 128-step unrolls, 3 million updates of an assumed batch of 32."""
    base = Config(
        train="zipf_2", frames=3_000_000 * 128 * 32, width=512, layers=4, attention_heads=8, window=128,
        copies=32, unroll=128, minibatches=1, entropy_cost=9.4e-5, lr=3e-4, looks=100, rollouts=50,
        gamma=0.99, auxiliary_share=1, capacity=100_000, sequence=128, batch=32, workers=8,
    )  # fmt: skip
    plain = {"lstm": replace(base, memory="lstm"), "transformer": replace(base, memory="transformer"), "mlp": base}
    return {
        **plain,
        "reconstruction": replace(plain["lstm"], reconstruction=1.0),
        "byol": replace(plain["lstm"], byol=1.0),
        **{name: replace(config, train="zipf_2", lr=3e-4) for name, config in replays(base).items()},
    }


def dry_run(config: Config, context: Context) -> str:
    """Build the published network and take two updates from random play of 8 steps in the real gridworld."""
    player = learning.build(config, context)
    optimizer = torch.optim.Adam(player.net.parameters(), config.lr)
    world, draw = Gridworld(config.train, config.copies, context.device), context.generator("dry run")
    world.reset(draw)
    losses = []
    for _ in range(2):
        rows = []
        for _ in range(8):
            place, situation, fresh = world.place, world.situation, world.time == 0
            action = torch.randint(ACTIONS, (config.copies,), generator=draw, device=context.device)
            reward, terminated, truncated = world.advance(action, draw)
            rows.append(
                (
                    place,
                    situation,
                    fresh,
                    action,
                    torch.zeros_like(reward) - math.log(ACTIONS),
                    reward,
                    terminated | truncated,
                )
            )
        piece = tuple(torch.stack(column) for column in zip(*rows))
        state, nothing = player.begin(config.copies), torch.zeros(config.copies, device=context.device)
        losses.append(float(learning.learn(config, player, None, optimizer, piece, state, nothing, 0)))
    count = sum(parameter.numel() for parameter in player.net.parameters())
    return f"{config.memory}, {config.width} units, {count:,} parameters: loss {losses[0]:.4f} → {losses[1]:.4f}"


_SUCCESS = "probability of success, a mean over situations under the law"
METRICS = {
    "success_train": Metric("fraction", f"{_SUCCESS} of training; find: accuracy"),
    "success_zipf_2": Metric("fraction", f"{_SUCCESS} zipf_2 of maps and of targets"),
    "success_zipf_1": Metric("fraction", f"{_SUCCESS} zipf_1"),
    "success_uniform": Metric("fraction", f"{_SUCCESS} uniform: all situations alike"),
    "success_uniform_rare": Metric("fraction", f"{_SUCCESS} uniform over the rarest fifth of each factor"),
    "gap": Metric("fraction", "success_uniform - success_uniform_rare"),
    "episodes": Metric("episodes", "that ended during training"),
    "rare_episodes": Metric("episodes", "of them, those of the 16 situations of the rarest fifth"),
    "return_train": Metric("reward", "mean return of an episode over levels, by the law of training"),
    "return_uniform": Metric("reward", "mean return of an episode over all levels"),
    "return_rare": Metric("reward", "mean return of an episode over the six rarest levels of the order"),
}

SMOKE = Config(frames=20_000, looks=1, novelty=0.1, rollouts=1, copies=64, width=32, window=4, capacity=200, batch=32)
SMOKE_LEVELS = Config(looks=1, copies=4, unroll=8, per_level=1, tile_width=4)
LAPTOP = Config(frames=3_000_000, looks=10, rollouts=10, gamma=0.95, entropy_cost=3e-3, novelty=0.1, window=8)
LAPTOP_GRIDWORLD = replace(LAPTOP, frames=5_000_000, copies=1024, minibatches=8, lr=2e-3, entropy_cost=1e-3)
LAPTOP_LEVELS = Config(copies=16, unroll=16, per_level=5)
GPU = replace(LAPTOP_GRIDWORLD, frames=100_000_000, copies=8192, width=256, minibatches=8, looks=20)
_SMOKE = conditions(SMOKE, SMOKE, 10_000, 4_000, 1_100, SMOKE_LEVELS)

STUDY = Study(
    paper="zipfian_environments",
    title="Zipfian environments for reinforcement learning",
    run=run,
    metrics=METRICS,
    profiles={
        "smoke": Plan(
            only(_SMOKE, "mlp_zipf_1", "mlp_zipf_2", "mlp_uniform", "table_zipf_1", "lstm", "replay_priorities", "lift", "find_rl", "find_classifier"),
            seeds=1, minutes=0.5, memory_gb=1.0,
        ),
        "laptop": Plan(conditions(LAPTOP_GRIDWORLD, LAPTOP, 1_200_000, 600_000, 100_000, LAPTOP_LEVELS), seeds=3, minutes=35.0, memory_gb=1.2),
        "gpu": Plan(
            {
                **only(gridworld(GPU), "mlp_zipf_1", "mlp_zipf_2", "mlp_uniform", "reconstruction_0.3"),
                "lstm_zipf_2": replace(GPU, train="zipf_2", memory="lstm", frames=50_000_000),
            },
            seeds=5, minutes=30.0, hardware="one H100 GPU (estimated)", memory_gb=8.0,
        ),
        "paper": Plan(paper_gridworld(), seeds=3, minutes=300_000.0, hardware="one H100 GPU (estimated)", memory_gb=16.0),
    },
    dry_run=dry_run,
)  # fmt: skip

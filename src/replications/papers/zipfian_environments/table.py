"""A table of action values in Zipf's Gridworld: what exposure alone teaches, since nothing learnt in one situation helps in another.

The control of this chapter, not an agent of the paper: one-step Q-learning from optimistic values, so that every action is tried
before it is given up.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from replications.papers.zipfian_environments import exact
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import ACTIONS, PLACES, SITUATIONS, Gridworld, tables
from replications.papers.zipfian_environments.learning import SPLITS, outcome
from replications.papers.zipfian_environments.maps import MAPS, OBJECTS
from replications.study import Context, Outcome

RATE = 0.5  # of the update; transitions are deterministic
TIE = 1e-4  # noise that decides between equal values
CHUNK = 512  # steps of all copies between progress reports


def policy(values: torch.Tensor, epsilon: float) -> torch.Tensor:
    """The ε-greedy policy of values (1780 × 20, 8): (20 maps, 20 targets, 89 places, 8)."""
    best = functional.one_hot(values.argmax(-1), ACTIONS).double()
    chances = (1 - epsilon) * best + epsilon / ACTIONS
    return chances.view(MAPS, PLACES, OBJECTS, ACTIONS).transpose(1, 2)


def sweep(
    config: Config, values: torch.Tensor, world: Gridworld, episodes: torch.Tensor, generator: torch.Generator
) -> None:
    """CHUNK greedy steps of every copy, each followed by its update of `values`."""
    moved = tables(values.device).moved.view(-1)
    for _ in range(CHUNK):
        situation, target = world.situation, world.situation % OBJECTS
        entry = world.place * OBJECTS + target
        noise = TIE * torch.rand(world.count, ACTIONS, generator=generator, device=values.device)
        action = (values[entry] + noise).argmax(-1)
        after = moved[world.place * ACTIONS + action] * OBJECTS + target
        reward, terminated, truncated = world.advance(action, generator)
        aim = torch.where(terminated, reward, config.gamma * values[after].max(-1).values)
        # copies in the same state agree on the outcome, so whichever writes last writes the same
        values[entry, action] += RATE * (aim - values[entry, action])
        episodes.index_add_(0, situation, (terminated | truncated).float())


def run(config: Config, context: Context) -> Outcome:
    """Train on one split; exact success of the ε-greedy policy in all 400 situations.

    Raises:
        UserError: no such split.
    """
    device = context.device
    values = torch.ones(MAPS * PLACES * OBJECTS, ACTIONS, device=device)
    world = Gridworld(config.train, config.copies, device)
    world.reset(context.generator("first situations"))
    episodes = torch.zeros(SITUATIONS, device=device)
    size = config.copies * CHUNK
    rounds = max(2, config.frames // size)
    looks = {round(k * rounds / config.looks) for k in range(config.looks)}
    curves: dict[str, list[float]] = {name: [] for name in ("frames", "train", *SPLITS)}
    begin, saved = 0, context.restore()
    if saved is not None:
        begin, curves = saved["round"], saved["curves"]
        values, world.situation, world.place, world.time, episodes = (
            saved[name].to(device) for name in ("values", "situation", "place", "time", "episodes")
        )

    def look(at: int) -> torch.Tensor:
        found = exact.success(policy(values, config.epsilon)).cpu()
        curves["frames"].append(at * size)
        for name in ("train", *SPLITS):
            curves[name].append(exact.score(found, config.train if name == "train" else name))
        return found

    for now in range(begin, rounds):
        if now in looks:
            look(now)
        sweep(config, values, world, episodes, context.generator(f"round {now}"))
        context.progress((now + 1) / rounds)
        if context.due():
            context.save(
                {
                    "round": now + 1, "curves": curves, "values": values, "situation": world.situation, "place": world.place,
                    "time": world.time, "episodes": episodes,
                }
            )  # fmt: skip
    return outcome(config, look(rounds).numpy(), episodes, curves, rounds * CHUNK, rounds * size)

"""The actor-critic agent in the stand-in for Zipf's Playroom: lifting (α = 3) and putting (α = 2) by name.

The network reads tokens: where each object lies and what it looks like. Words and pictures have separate embeddings, so the
link between them must be learnt object by object.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from replications.models import initialise
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import tile_features
from replications.papers.zipfian_environments.learning import sample
from replications.papers.zipfian_environments.losses import actor_critic_loss
from replications.papers.zipfian_environments.maps import COLORS, MOVES, PAIRS, SHAPES
from replications.papers.zipfian_environments.room import GOALS, LIMIT, SIDE, Room, law_of
from replications.study import Context, Curve, Outcome

EPISODES = 2_000  # of each evaluation; the paper asks for a thousand


class TokenAgent(nn.Module):
    """Policy and value over five tokens; `pictures` (n,) are the colour-shape pairs of the n objects.

    The instruction attends to the tokens by what they look like, and the agent acts on where the attended one lies and
    on where all lie.
    """

    pictures: torch.Tensor
    features: torch.Tensor

    def __init__(self, width: int, pictures: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("pictures", pictures)
        self.offset = nn.Embedding((2 * SIDE - 1) ** 2, width)
        self.looks = nn.Linear(3 + len(COLORS) + len(SHAPES), width, bias=False)
        self.goal = nn.Embedding(GOALS, width)
        self.word, self.task = nn.Embedding(len(pictures), width), nn.Embedding(2 * (GOALS + 1), width)
        self.mix, self.policy, self.value = (
            nn.Linear(2 * width, width),
            nn.Linear(width, len(MOVES)),
            nn.Linear(width, 1),
        )
        self.register_buffer("features", tile_features()[3:], persistent=False)

    def forward(self, seen: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (..., 8) and value (...,) of an observation of the room."""
        row, column = (seen["offset"] + SIDE - 1).unbind(-1)
        where = self.offset(row * (2 * SIDE - 1) + column)  # (..., 5, width)
        objects = functional.embedding(seen["kind"], self.looks(self.features[self.pictures]))
        what = torch.cat([objects, self.goal.weight.expand(*objects.shape[:-2], GOALS, -1)], -2)
        asked = self.word(seen["word"]) + self.task(2 * seen["place"] + seen["held"])
        attention = (what @ asked[..., None] / asked.shape[-1] ** 0.5).softmax(-2)
        h = torch.relu(self.mix(torch.cat([(attention * where).sum(-2), where.sum(-2)], -1)))
        return self.policy(h), self.value(h).squeeze(-1)


def build(config: Config, context: Context) -> TokenAgent:
    """The network on the run's device; which fifty of the 225 pictures exist depends on the seed."""
    pictures = torch.randperm(PAIRS, generator=context.generator("pictures", device="cpu"))[: config.kinds]
    net = TokenAgent(config.width, pictures)
    draw = context.generator("weights", device="cpu")
    initialise(net, draw)
    for module in net.modules():
        if isinstance(module, nn.Embedding):
            module.weight.data.normal_(generator=draw)
    net.looks.weight.data.normal_(generator=draw)
    net.policy.weight.data.mul_(0.1)
    return net.to(context.device)


@torch.no_grad()
def evaluate(net: TokenAgent, law: np.ndarray, task: str, generator: torch.Generator) -> float:
    """Share of EPISODES episodes, one a room, that end in success."""
    room = Room(law, task, EPISODES, net.pictures.device)
    room.reset(generator)
    playing = torch.ones(EPISODES, dtype=torch.bool, device=net.pictures.device)
    won = torch.zeros(EPISODES, device=net.pictures.device)
    for _ in range(LIMIT):
        reward, over = room.step(sample(net(room.observation())[0], generator), generator)
        won += reward * playing
        playing = playing & ~over
    return float(won.mean())


def tests(config: Config) -> dict[str, tuple[str, str]]:
    """Metric → split and task of its evaluation; putting is tested on everything, never on the training mixture."""
    training = "lift" if config.world == "lift" else "put_frequent"
    testing = "lift" if config.world == "lift" else "put"
    return {
        "success_train": (config.train, training),
        "success_uniform": ("uniform", testing),
        "success_uniform_rare": ("uniform_rare", testing),
    }


def run(config: Config, context: Context) -> Outcome:
    """Train in the room; success under the training law, over all objects, and over the rarest fifth.

    Raises:
        UserError: no such split or world.
    """
    device = context.device
    asked = tests(config)
    net = build(config, context)
    optimizer = torch.optim.Adam(net.parameters(), config.lr, foreach=True)
    split_name, task = asked["success_train"]
    room = Room(law_of(split_name, config.kinds), task, config.copies, device)
    room.reset(context.generator("first rooms"))
    size = config.copies * config.unroll
    updates = max(2, config.frames // size)
    looks = {round(k * updates / config.looks) for k in range(config.looks)}
    curves: dict[str, list[float]] = {name: [] for name in ("frames", *asked)}
    names = ("objects", "cells", "agent", "target", "goal", "time", "putting", "held")
    begin, saved = 0, context.restore()
    if saved is not None:
        begin, curves = saved["update"], saved["curves"]
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
        for name in names:
            setattr(room, name, saved["room"][name].to(device))

    def look(update: int) -> None:
        curves["frames"].append(update * size)
        for name, (law, test) in asked.items():
            curves[name].append(
                evaluate(net, law_of(law, config.kinds), test, context.generator(f"look {update} {name}"))
            )

    for update in range(begin, updates):
        if update in looks:
            look(update)
        draw = context.generator(f"update {update}")
        steps: list[tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]] = []
        with torch.no_grad():
            for _ in range(config.unroll):
                seen = room.observation()
                logits, _ = net(seen)
                action = sample(logits, draw)
                behaviour = logits.log_softmax(-1).gather(-1, action[:, None]).squeeze(-1)
                steps.append((seen, action, behaviour, *room.step(action, draw)))
            _, bootstrap = net(room.observation())
        views = {name: torch.stack([step[0][name] for step in steps]) for name in steps[0][0]}
        action, behaviour, reward, over = (torch.stack([step[k] for step in steps]) for k in range(1, 5))  # type: ignore[misc]
        for part in torch.randperm(config.copies, generator=draw, device=device).chunk(config.minibatches):
            logits, value = net({name: view[:, part] for name, view in views.items()})
            discount = config.gamma * (~over[:, part]).float()
            loss = actor_critic_loss(
                logits, action[:, part], behaviour[:, part], reward[:, part], discount, value, bootstrap[part],
                config.baseline_cost, config.entropy_cost,
            )  # fmt: skip
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), config.clip)
            optimizer.step()
        context.progress((update + 1) / updates)
        if context.due():
            state = {name: getattr(room, name) for name in names}
            context.save(
                {
                    "update": update + 1,
                    "curves": curves,
                    "net": net.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "room": state,
                }
            )
    look(updates)
    scalars = {name: curves[name][-1] for name in asked}
    scalars["gap"] = scalars["success_uniform"] - scalars["success_uniform_rare"]
    return Outcome(
        scalars,
        {
            name: Curve.thin(curves["frames"], curves[name], "environment steps", name.replace("_", ", ", 1))
            for name in asked
        },
        steps=updates * config.minibatches,
        samples=updates * size,
    )

"""The find task: two objects, left and right, and a name; reinforcement learning against maximum likelihood (Table 4).

A stand-in for Playroom's: pictures are the gridworld's 9 × 9 colour-shape templates under noise. Both learners share the encoders,
the stream of examples and their number. The classifier predicts the side by cross-entropy; the agent walks a line of
seven cells, the objects at its ends, and is rewarded at the named one. Where both objects are the same either answer counts.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from replications.models import initialise
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import tile_bank
from replications.papers.zipfian_environments.losses import actor_critic_loss
from replications.papers.zipfian_environments.maps import CELL, PAIRS
from replications.papers.zipfian_environments.method import split
from replications.study import Context, Curve, Outcome, UserError

LEARNERS = ("rl", "classifier")
EXEMPLARS, HELD_OUT = 20, 5  # pictures of each object, of which the last are for testing
NOISE = 0.3  # standard deviation of the exemplars' pixels, of which 1 is white
TESTS = 20_000  # examples of an evaluation
END = 3  # cells from the middle of the line to an object
STEPS = 12  # after which a walk counts as failed
PIXELS = CELL * CELL * 3


class Finder(nn.Module):
    """Two pictures and a name to a score for each side, and a value; the walk adds where the agent stands."""

    def __init__(self, kinds: int, width: int) -> None:
        super().__init__()
        self.eye = nn.Sequential(nn.Linear(PIXELS, width), nn.ReLU(), nn.Linear(width, width))
        self.word = nn.Embedding(kinds, width)
        self.place = nn.Embedding(2 * END + 1, 2)
        self.value = nn.Linear(2, 1)

    def forward(self, pictures: torch.Tensor, word: torch.Tensor) -> torch.Tensor:
        """Scores of left and right (N, 2) for pictures (N, 2, pixels) and words (N,)."""
        seen = self.eye(pictures)
        return (seen @ self.word(word)[:, :, None]).squeeze(-1) / seen.shape[-1] ** 0.5

    def walk(self, scores: torch.Tensor, place: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (..., 2) and value (...,) at a place from -3 to 3 of walks with these scores."""
        logits = scores + self.place(place + END)
        return logits, self.value(logits.softmax(-1)).squeeze(-1)


def exemplars(kinds: int, generator: torch.Generator) -> torch.Tensor:
    """EXEMPLARS noisy pictures of `kinds` of the 225 objects, (kinds, EXEMPLARS, pixels)."""
    chosen = torch.randperm(PAIRS, generator=generator, device=generator.device)[:kinds]
    clean = tile_bank().to(generator.device)[3 + chosen].flatten(1).float() / 255
    noise = torch.randn(kinds, EXEMPLARS, PIXELS, generator=generator, device=generator.device)
    return clean[:, None] + NOISE * noise


def draw(law: torch.Tensor, count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Objects left and right (count, 2) by `law`, and which of the two is named (count,)."""
    objects = torch.multinomial(law.expand(2, -1), count, replacement=True, generator=generator).T
    return objects, torch.randint(2, (count,), generator=generator, device=law.device)


def right_sides(objects: torch.Tensor, named: torch.Tensor) -> torch.Tensor:
    """Which sides hold the named object, bool (count, 2): both where they are the same."""
    return objects == objects.gather(1, named[:, None])


def pictures_of(bank: torch.Tensor, objects: torch.Tensor, test: bool, generator: torch.Generator) -> torch.Tensor:
    """A random exemplar of each object, from those for training or for testing. (count, 2, pixels)."""
    low, high = (EXEMPLARS - HELD_OUT, EXEMPLARS) if test else (0, EXEMPLARS - HELD_OUT)
    return bank[objects, torch.randint(low, high, objects.shape, generator=generator, device=objects.device)]


def classify(
    net: Finder, bank: torch.Tensor, law: torch.Tensor, count: int, generator: torch.Generator
) -> torch.Tensor:
    """Cross-entropy of the side; where both sides are right, the probability of either is one."""
    objects, named = draw(law, count, generator)
    word = objects.gather(1, named[:, None]).squeeze(1)
    log_sides = functional.log_softmax(net(pictures_of(bank, objects, False, generator), word), -1)
    return -log_sides.masked_fill(~right_sides(objects, named), -torch.inf).logsumexp(-1).mean()


def walks(
    net: Finder, scores: torch.Tensor, right: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Walk every line to an end or for STEPS: place, action, behaviour, reward, over, playing, each (STEPS, N)."""
    place = torch.zeros(len(scores), dtype=torch.int64, device=scores.device)
    playing = torch.ones_like(place, dtype=torch.bool)
    rows = []
    with torch.no_grad():
        for _ in range(STEPS):
            logits, _ = net.walk(scores, place)
            log_policy = logits.log_softmax(-1)
            action = (torch.rand(len(place), generator=generator, device=place.device) < log_policy[:, 1].exp()).long()
            after = place + 2 * action - 1
            over = after.abs() == END
            reward = (over & right.gather(1, action[:, None]).squeeze(1) & playing).float()
            rows.append(
                (place, action, log_policy.gather(1, action[:, None]).squeeze(1), reward, over | ~playing, playing)
            )
            playing = playing & ~over
            place = torch.where(playing, after, 0)
    return tuple(torch.stack(column) for column in zip(*rows))


def reinforce(
    net: Finder, bank: torch.Tensor, law: torch.Tensor, count: int, config: Config, generator: torch.Generator
) -> torch.Tensor:
    """The actor-critic loss of `count` walks; steps after an end count for nothing."""
    objects, named = draw(law, count, generator)
    word = objects.gather(1, named[:, None]).squeeze(1)
    scores = net(pictures_of(bank, objects, False, generator), word)
    place, action, behaviour, reward, over, playing = walks(
        net, scores.detach(), right_sides(objects, named), generator
    )
    logits, value = net.walk(scores.expand(STEPS, -1, -1), place)
    keep = playing.float()
    share = keep.numel() / keep.sum()
    # a step after the end has a uniform policy and no value: no gradient, and a constant entropy
    logits, value = logits * keep[..., None], value * keep
    behaviour = torch.where(playing, behaviour, -np.log(2.0))
    discount = config.gamma * (~over).float()
    nothing = torch.zeros(count, device=law.device)
    return share * actor_critic_loss(
        logits, action, behaviour, reward, discount, value, nothing, config.baseline_cost, config.entropy_cost
    )


@torch.no_grad()
def accuracy(net: Finder, bank: torch.Tensor, law: torch.Tensor, learner: str, generator: torch.Generator) -> float:
    """Share of TESTS examples from held-out pictures that are answered rightly."""
    objects, named = draw(law, TESTS, generator)
    word = objects.gather(1, named[:, None]).squeeze(1)
    scores, right = net(pictures_of(bank, objects, True, generator), word), right_sides(objects, named)
    if learner == "classifier":
        return float(right.gather(1, scores.argmax(-1, keepdim=True)).float().mean())
    return float(walks(net, scores, right, generator)[3].sum(0).mean())


def run(config: Config, context: Context) -> Outcome:
    """Train one learner on `config.frames` examples; accuracy under the training law, all objects, and the rarest fifth.

    Raises:
        UserError: no such learner or split.
    """
    if config.world not in LEARNERS:
        raise UserError(f"no learner '{config.world}': choose one of {', '.join(LEARNERS)}")
    device = context.device
    bank = exemplars(config.kinds, context.generator("exemplars", device="cpu")).to(device)
    net = Finder(config.kinds, config.width)
    weights = context.generator("weights", device="cpu")
    initialise(net, weights)
    net.word.weight.data.normal_(generator=weights)
    net.place.weight.data.zero_()
    net = net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), config.lr, foreach=True)

    def law(name: str) -> torch.Tensor:
        return torch.tensor(split(name, config.kinds), dtype=torch.float32, device=device)

    train, updates = law(config.train), max(2, config.frames // config.batch)
    tests = {"success_train": config.train, "success_uniform": "uniform", "success_uniform_rare": "uniform_rare"}
    curves: dict[str, list[float]] = {name: [] for name in ("frames", *tests)}
    looks = {round(k * updates / config.looks) for k in range(config.looks)}
    begin, saved = 0, context.restore()
    if saved is not None:
        begin, curves = saved["update"], saved["curves"]
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])

    def look(update: int) -> None:
        curves["frames"].append(update * config.batch)
        for name, asked in tests.items():
            curves[name].append(
                accuracy(net, bank, law(asked), config.world, context.generator(f"look {update} {name}"))
            )

    for update in range(begin, updates):
        if update in looks:
            look(update)
        stream = context.generator(f"update {update}")
        if config.world == "classifier":
            loss = classify(net, bank, train, config.batch, stream)
        else:
            loss = reinforce(net, bank, train, config.batch, config, stream)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        context.progress((update + 1) / updates)
        if context.due():
            context.save(
                {"update": update + 1, "curves": curves, "net": net.state_dict(), "optimizer": optimizer.state_dict()}
            )
    look(updates)
    scalars = {name: curves[name][-1] for name in tests}
    scalars["gap"] = scalars["success_uniform"] - scalars["success_uniform_rare"]
    return Outcome(
        scalars,
        {name: Curve.thin(curves["frames"], curves[name], "examples", name.replace("_", ", ", 1)) for name in tests},
        steps=updates,
        samples=updates * config.batch,
    )

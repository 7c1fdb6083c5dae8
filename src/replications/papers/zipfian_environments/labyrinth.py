"""One recurrent actor-critic agent on thirty MiniGrid levels drawn by Zipf's law, forward or reversed (stand-in for Labyrinth).

Training goes in rounds. Each starts all copies afresh from a seed of its own, which lets an interrupted run go on without the
state of thirty games; episodes cut off there count as ended.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from replications.models import initialise
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.learning import sample
from replications.papers.zipfian_environments.levels import ACTIONS, LEVELS, LIMIT, PARTS, WORDS, Seen
from replications.papers.zipfian_environments.losses import actor_critic_loss
from replications.papers.zipfian_environments.method import rarest, split
from replications.papers.zipfian_environments.networks import LSTM, State
from replications.papers.zipfian_environments.workers import Workers
from replications.study import Context, Curve, Outcome, UserError
from replications.study.seeds import stream_seed

ORDERS = ("forward", "reversed")
ROUND = 16  # segments between fresh starts
EVALUATION = 7  # seed of the evaluation episodes, the same for all runs


class LevelAgent(nn.Module):
    """Cells and instruction through an LSTM to policy and value."""

    def __init__(self, width: int, tile_width: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Embedding(values, tile_width) for values in PARTS)
        self.view, self.words = nn.Linear(49 * tile_width, width), nn.Linear(WORDS, width)
        self.memory = LSTM(width)
        self.policy, self.value = nn.Linear(width, ACTIONS), nn.Linear(width, 1)

    def forward(
        self, cells: torch.Tensor, words: torch.Tensor, fresh: torch.Tensor, state: State
    ) -> tuple[torch.Tensor, torch.Tensor, State]:
        """Logits (T, B, 7), value (T, B) and the next state, for cells (T, B, 7, 7, 3) and words (T, B, 64)."""
        tiles = sum(part(cells[..., k].long()) for k, part in enumerate(self.parts))
        x = torch.relu(self.view(torch.relu(tiles).flatten(2)) + self.words(words.float()))
        h, state = self.memory(x, fresh, state)
        return self.policy(h), self.value(h).squeeze(-1), state


def law_of(train: str, order: str) -> np.ndarray:
    """Probability of each level in the order of LEVELS, (30,).

    Raises:
        UserError: no such split or order.
    """
    if order not in ORDERS:
        raise UserError(f"no order '{order}': choose one of {', '.join(ORDERS)}")
    law = split(train, len(LEVELS))
    return law if order == "forward" else law[::-1].copy()


@torch.no_grad()
def evaluate(net: LevelAgent | None, config: Config, device: torch.device, generator: torch.Generator) -> np.ndarray:
    """Mean return of each level over `per_level` episodes of the same starts, (30,); without a network, at random."""
    levels = [k for k in range(len(LEVELS)) for _ in range(config.per_level)]
    with Workers(split("uniform", len(LEVELS)), len(levels), config.workers) as copies:
        seen = copies.begin(EVALUATION, levels)
        playing, total = np.ones(len(levels), dtype=bool), np.zeros(len(levels))
        state = net.memory.begin(len(levels), device) if net else ()
        fresh = torch.ones(1, len(levels), dtype=torch.bool, device=device)
        for _ in range(LIMIT):
            if net is None:
                action = torch.randint(ACTIONS, (len(levels),), generator=generator, device=device)
            else:
                logits, _, state = net(*tensors(seen, device), fresh, state)
                action = sample(logits[0], generator)
            fresh = torch.zeros_like(fresh)
            seen = copies.step(action.cpu().numpy())
            total += seen.reward * playing
            playing &= ~seen.over
    return total.reshape(len(LEVELS), config.per_level).mean(1)


def tensors(seen: Seen, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Cells and words of one step, with a leading time dimension."""
    return torch.from_numpy(seen.cells)[None].to(device), torch.from_numpy(seen.words)[None].to(device)


def run(config: Config, context: Context) -> Outcome:
    """Train on one law over the levels; mean return of each level at the end.

    Raises:
        UserError: MiniGrid is not installed, no such split or order, or an environment worker died.
    """
    device, law = context.device, law_of(config.train, config.world)
    net = LevelAgent(config.width, config.tile_width)
    initialise(net, context.generator("weights", device="cpu"))
    net = net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), config.lr, foreach=True)
    size = config.copies * config.unroll
    rounds = max(2, config.frames // (size * ROUND))
    curves: dict[str, list[float]] = {"frames": [], "return": []}
    played = np.zeros(len(LEVELS))
    begin, saved = 0, context.restore()
    if saved is not None:
        begin, curves, played = saved["round"], saved["curves"], saved["played"].numpy()
        net.load_state_dict(saved["net"])
        optimizer.load_state_dict(saved["optimizer"])
    with Workers(law, config.copies, config.workers) as copies:
        for now in range(begin, rounds):
            draw = context.generator(f"round {now}")
            seen = copies.begin(stream_seed(context.seed, f"levels {now}") % 2**31)
            state = net.memory.begin(config.copies, device)
            fresh = torch.ones(config.copies, dtype=torch.bool, device=device)
            total, episodes = 0.0, 0
            for _ in range(ROUND):
                before, rows = state, []
                with torch.no_grad():
                    for _ in range(config.unroll):
                        cells, words = tensors(seen, device)
                        logits, _, state = net(cells, words, fresh[None], state)
                        action = sample(logits[0], draw)
                        behaviour = logits[0].log_softmax(-1).gather(-1, action[:, None]).squeeze(-1)
                        began = fresh
                        seen = copies.step(action.cpu().numpy())
                        np.add.at(played, seen.level[seen.over], 1)
                        total += float(seen.reward.sum())
                        episodes += int(seen.over.sum())
                        fresh = torch.from_numpy(seen.over).to(device)
                        rows.append(
                            (
                                cells[0],
                                words[0],
                                began,
                                action,
                                behaviour,
                                torch.from_numpy(seen.reward).to(device),
                                fresh,
                            )
                        )
                    _, bootstrap, _ = net(*tensors(seen, device), fresh[None], state)
                cells, words, began, action, behaviour, reward, over = (torch.stack(column) for column in zip(*rows))
                logits, value, _ = net(cells, words, began, before)
                loss = actor_critic_loss(
                    logits, action, behaviour, reward, config.gamma * (~over).float(), value, bootstrap[0],
                    config.baseline_cost, config.entropy_cost,
                )  # fmt: skip
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), config.clip)
                optimizer.step()
            curves["frames"].append((now + 1) * ROUND * size)
            curves["return"].append(total / max(episodes, 1))
            context.progress((now + 1) / rounds)
            if context.due():
                context.save(
                    {"round": now + 1, "curves": curves, "played": torch.from_numpy(played), "net": net.state_dict(), "optimizer": optimizer.state_dict()}
                )  # fmt: skip
    found = evaluate(net, config, device, context.generator("evaluation"))
    floor = evaluate(None, config, device, context.generator("random"))
    rare = rarest(len(LEVELS)) if config.world == "forward" else rarest(len(LEVELS))[::-1]
    scalars = {
        "return_train": float(found @ law),
        "return_uniform": float(found.mean()),
        "return_rare": float(found @ rare),
    }
    return Outcome(
        scalars,
        {
            "return": Curve.thin(
                curves["frames"], curves["return"], "environment steps", "return of an episode in training"
            )
        },
        {"return": found.astype(np.float32), "random": floor.astype(np.float32), "episodes": played.astype(np.float32)},
        steps=rounds * ROUND,
        samples=rounds * ROUND * size,
    )

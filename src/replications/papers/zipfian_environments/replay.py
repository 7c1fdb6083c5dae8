"""The replay agent in Zipf's Gridworld: Q-learning from stored sequences, with priorities or without (R2D2, appendix A).

Differs from R2D2: no recurrence and no burn-in, since the first view already names the map; Watkins' Q(λ) for the unnamed λ-return;
one actor process. Double Q-learning, rescaled values, λ and the priorities' mixture are the published ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from replications.papers.zipfian_environments import exact
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import ACTIONS, SITUATIONS, Gridworld
from replications.papers.zipfian_environments.learning import ENTRIES, SPLITS, Player, build, entry_of, outcome
from replications.papers.zipfian_environments.losses import lambda_returns
from replications.study import Context, Outcome, UserError


@dataclass(eq=False)
class Buffer:
    """A ring of sequences: `rows` is (capacity, fields, steps) whole numbers, and each sequence has a priority."""

    rows: torch.Tensor
    priority: torch.Tensor
    written: int = 0

    @classmethod
    def empty(cls, capacity: int, steps: int, device: torch.device) -> Buffer:
        """A ring without sequences.

        Raises:
            UserError: no room for a sequence.
        """
        if capacity < 1:
            raise UserError(f"a replay buffer of {capacity} sequences: at least one is needed")
        return cls(
            torch.zeros(capacity, len(FIELDS), steps, dtype=torch.int32, device=device),
            torch.zeros(capacity, device=device),
        )

    def add(self, rows: torch.Tensor) -> None:
        """Store sequences (n, fields, steps) over the oldest, at the highest priority seen so far."""
        at = (self.written + torch.arange(len(rows), device=rows.device)) % len(self.rows)
        self.rows[at] = rows.to(torch.int32)
        self.priority[at] = self.priority.max().clamp(min=1e-3)
        self.written += len(rows)

    def sample(self, count: int, exponent: float, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Indices of `count` sequences drawn in proportion to priority^exponent, and their probabilities; 0 is evenly."""
        filled = min(self.written, len(self.rows))
        weights = self.priority[:filled] ** exponent
        chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
        return chosen, (weights / weights.sum())[chosen]


FIELDS = ("place", "situation", "action", "reward", "over", "next_place")


def sequence_priority(error: torch.Tensor, max_weight: float) -> torch.Tensor:
    """η max |δ| + (1 - η) mean |δ| over the steps of each sequence: errors (steps, n) to (n,)."""
    size = error.abs()
    return max_weight * size.max(0).values + (1 - max_weight) * size.mean(0)


def importance_weights(probability: torch.Tensor, filled: int, exponent: float) -> torch.Tensor:
    """(N P)^-β, divided by their largest. Shape (n,)."""
    weights = (filled * probability) ** -exponent
    return weights / weights.max()


def q_values(player: Player, place: torch.Tensor, situation: torch.Tensor) -> torch.Tensor:
    """Rescaled action values (steps, n, 8)."""
    fresh = torch.zeros_like(place, dtype=torch.bool)
    _, _, q, _ = player.segment(place, situation, fresh, ())
    return q


def greedy_policy(player: Player, epsilon: float) -> torch.Tensor:
    """The ε-greedy policy in every place and situation, (20, 20, 89, 8)."""
    values = player.policy()  # softmax keeps the order
    best = nn.functional.one_hot(values.argmax(-1), ACTIONS).double()
    return (1 - epsilon) * best + epsilon / ACTIONS


def run(config: Config, context: Context) -> Outcome:
    """Train on one split; exact success of the ε-greedy policy in all 400 situations.

    Raises:
        FloatingPointError: the loss is not finite.
        UserError: no such split, or a memory, which this agent does not have.
    """
    if config.memory != "mlp":
        raise UserError(f"the replay agent cannot have memory '{config.memory}': choose mlp")
    device = context.device
    player, target = build(config, context), build(config, context)
    optimizer = torch.optim.Adam(player.net.parameters(), config.lr, foreach=True)
    world = Gridworld(config.train, config.copies, device)
    world.reset(context.generator("first situations"))
    buffer = Buffer.empty(config.capacity, config.sequence, device)
    episodes = torch.zeros(SITUATIONS, device=device)
    size = config.copies * config.sequence
    rounds = max(2, config.frames // size)
    looks = {round(k * rounds / config.looks) for k in range(config.looks)}
    curves: dict[str, list[float]] = {name: [] for name in ("frames", "train", *SPLITS)}
    losses = torch.zeros(rounds, device=device)
    visits = torch.zeros(ENTRIES, device=device)
    begin, saved = 0, context.restore()
    if saved is not None:
        begin, curves, losses = saved["round"], saved["curves"], saved["losses"].to(device)
        player.net.load_state_dict(saved["net"])
        target.net.load_state_dict(saved["target"])
        optimizer.load_state_dict(saved["optimizer"])
        world.situation, world.place, world.time, episodes, visits, buffer.rows, buffer.priority = (
            saved[name].to(device) for name in ("situation", "place", "time", "episodes", "visits", "rows", "priority")
        )
        buffer.written = saved["written"]

    def look(at: int) -> torch.Tensor:
        found = exact.success(greedy_policy(player, config.epsilon))
        if not torch.isfinite(losses[:at]).all():
            raise FloatingPointError(f"seed {context.seed}: the loss is not finite before round {at} of {rounds}")
        curves["frames"].append(at * size)
        for name in ("train", *SPLITS):
            curves[name].append(exact.score(found.cpu(), config.train if name == "train" else name))
        return found

    for now in range(begin, rounds):
        if now in looks:
            look(now)
        draw = context.generator(f"round {now}")
        buffer.add(collect(config, player, world, episodes, visits, draw))
        for k in range(config.updates):
            if (now * config.updates + k) % config.target_update == 0:
                target.net.load_state_dict(player.net.state_dict())
            losses[now] = learn(config, player, target, optimizer, buffer, visits, draw)
        context.progress((now + 1) / rounds)
        if context.due():
            context.save(
                {
                    "round": now + 1, "curves": curves, "losses": losses, "net": player.net.state_dict(),
                    "target": target.net.state_dict(), "optimizer": optimizer.state_dict(), "situation": world.situation,
                    "place": world.place, "time": world.time, "episodes": episodes, "visits": visits, "rows": buffer.rows,
                    "priority": buffer.priority, "written": buffer.written,
                }
            )  # fmt: skip

    return outcome(config, look(rounds).cpu().numpy(), episodes, curves, rounds * config.updates, rounds * size)


@torch.no_grad()
def collect(
    config: Config,
    player: Player,
    world: Gridworld,
    episodes: torch.Tensor,
    visits: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """A sequence of ε-greedy steps from every copy, (copies, fields, steps); counts `episodes` and `visits`."""
    codes, steps = player.codes(), []
    fresh = torch.zeros(world.count, dtype=torch.bool, device=world.place.device)
    for _ in range(config.sequence):
        place, situation = world.place, world.situation
        q, _, _ = player.act(codes, place, situation, fresh, ())
        chance = torch.rand(2, world.count, generator=generator, device=place.device)
        action = torch.where(chance[0] < config.epsilon, (chance[1] * ACTIONS).long(), q.argmax(-1))
        reward, terminated, truncated = world.advance(action, generator)
        over = terminated | truncated
        episodes.index_add_(0, situation, over.float())
        visits.index_add_(0, entry_of(place, situation, action), torch.ones_like(reward))
        after = torch.where(over, place, world.place)  # a following value counts for nothing where an episode ended
        steps.append(torch.stack([place, situation, action, reward.long(), over.long(), after]))
    return torch.stack(steps).permute(2, 1, 0)


def learn(
    config: Config, player: Player, target: Player, optimizer: torch.optim.Optimizer, buffer: Buffer, visits: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:  # fmt: skip
    """One update from the buffer; priorities of the sequences used follow their new errors."""
    exponent = config.priority_exponent if config.priorities else 0.0
    chosen, probability = buffer.sample(config.batch, exponent, generator)
    place, situation, action, reward, over, after = buffer.rows[chosen].long().permute(1, 2, 0)  # (steps, n)
    q = q_values(player, place, situation)
    with torch.no_grad():
        best = q_values(player, after, situation).argmax(-1, keepdim=True)
        bootstrap = q_values(target, after, situation).gather(-1, best).squeeze(-1)
        discount = config.gamma * (1 - over.float())
        counts = visits[entry_of(place, situation, action)].clamp(min=1)  # of today
        bonus = config.novelty / counts
        aim = lambda_returns(reward + bonus, discount, bootstrap, q.argmax(-1) == action, config.lam)
    error = aim - q.gather(-1, action[..., None]).squeeze(-1)
    weights = importance_weights(probability, min(buffer.written, len(buffer.rows)), config.importance)
    loss = 0.5 * (weights * error.square()).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in player.net.parameters() if p.grad is not None], config.clip)
    optimizer.step()
    buffer.priority[chosen] = sequence_priority(error.detach(), config.max_weight)
    return loss.detach()

"""The actor-critic agent in Zipf's Gridworld: IMPALA in one process (Chan et al. 2022, section 4 and appendix A).

Copies step and learn in turn, so that the policy that acts is the one that learns and V-trace's ratios are one; the losses are
IMPALA's. A time-out counts as an end, which the paper leaves open. A reward for novelty, c/n at the n-th visit to a place,
target and action, stands in for the exploration of thousands of times as many steps; evaluation knows nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from replications.models import initialise
from replications.papers.zipfian_environments import exact
from replications.papers.zipfian_environments.config import Config
from replications.papers.zipfian_environments.gridworld import (
    ACTIONS,
    HORIZON,
    PLACES,
    SITUATIONS,
    Gridworld,
    situation_law,
    tables,
)  # fmt: skip
from replications.papers.zipfian_environments.losses import (
    actor_critic_loss,
    byol_loss,
    follow,
    reconstruction_loss,
)  # fmt: skip
from replications.papers.zipfian_environments.maps import MAPS, OBJECTS
from replications.papers.zipfian_environments.networks import Agent, State, observed
from replications.study import Context, Curve, Outcome

ENTRIES = MAPS * PLACES * OBJECTS * ACTIONS  # of place, target and action, for counts of visits
SPLITS = ("zipf_2", "zipf_1", "uniform", "uniform_rare")


@dataclass
class Player:
    """A network with what acting needs: the numbered views, cues, and the tables of the world."""

    config: Config
    net: Agent
    device: torch.device

    def __post_init__(self) -> None:
        self.world = tables(self.device)
        self.shown = self.net.encoder.shown(self.world.views)

    def begin(self, count: int) -> State:
        """The memory of `count` copies before their first step."""
        return self.net.memory.begin(count, self.device)

    def codes(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes of all views and cues under the present weights."""
        return self.net.encoder.codes(self.shown)

    def act(
        self, codes: tuple[torch.Tensor, torch.Tensor], place: torch.Tensor, situation: torch.Tensor,
        fresh: torch.Tensor, state: State,
    ) -> tuple[torch.Tensor, torch.Tensor, State]:  # fmt: skip
        """Logits (count, 8), value (count,) and the next memory at one step."""
        x = self.net.encoder.join(codes, place, self.world.pairs[situation])
        h, state = self.net.memory(x[None], fresh[None], state)
        return *self.net.heads(h[0]), state

    def segment(
        self, place: torch.Tensor, situation: torch.Tensor, fresh: torch.Tensor, state: State
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features and memory states (T, B, width), logits (T, B, 8) and values (T, B) of a segment."""
        x = self.net.encoder.join(self.codes(), place, self.world.pairs[situation])
        h, _ = self.net.memory(x, fresh, state)
        return x, h, *self.net.heads(h)

    @torch.no_grad()
    def policy(self) -> torch.Tensor:
        """The whole policy of an agent without memory, (20, 20, 89, 8)."""
        codes = self.codes()
        place = torch.arange(MAPS * PLACES, device=self.device).view(MAPS, 1, PLACES).expand(MAPS, OBJECTS, PLACES)
        situation = torch.arange(SITUATIONS, device=self.device).view(MAPS, OBJECTS, 1).expand(MAPS, OBJECTS, PLACES)
        logits, _, _ = self.act(
            codes, place.flatten(), situation.flatten(), torch.zeros_like(place.flatten()).bool(), ()
        )
        return logits.softmax(-1).view(MAPS, OBJECTS, PLACES, ACTIONS)

    @torch.no_grad()
    def success(self, rollouts: int, generator: torch.Generator) -> np.ndarray:
        """Probability of success in each situation, (20, 20): exact without a memory, else over `rollouts` episodes each."""
        if self.config.memory == "mlp":
            return exact.success(self.policy()).cpu().numpy()
        world = Gridworld("uniform", SITUATIONS * rollouts, self.device)
        asked = torch.arange(SITUATIONS, device=self.device).repeat(rollouts)
        world.reset(situation=asked)
        state, codes = self.begin(world.count), self.codes()
        playing = torch.ones(world.count, dtype=torch.bool, device=self.device)
        won, fresh = torch.zeros(world.count, device=self.device), playing
        for _ in range(HORIZON):
            logits, _, state = self.act(codes, world.place, world.situation, fresh, state)
            reward, terminated, truncated = world.advance(sample(logits, generator), generator)
            fresh = terminated | truncated  # a second episode is played out and not counted
            won += reward * playing
            playing = playing & ~fresh
        return won.view(rollouts, MAPS, OBJECTS).mean(0).cpu().numpy()


def entry_of(place: torch.Tensor, situation: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """The number of a place, target and action, 0 to ENTRIES - 1."""
    return (place * OBJECTS + situation % OBJECTS) * ACTIONS + action


def sample(logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """An action from each row of logits, by the Gumbel trick."""
    noise = torch.rand(logits.shape, generator=generator, device=logits.device).clamp_(min=1e-20)
    return (logits - torch.log(-torch.log(noise))).argmax(-1)


def build(config: Config, context: Context) -> Player:
    """The network on the run's device, the same weights on every device."""
    net = Agent(config.memory, config.width, config.layers, config.attention_heads, config.window)
    draw = context.generator("weights", device="cpu")
    initialise(net, draw)
    # inputs are ones, about thirty in a view and two in a cue: weights that saturate tanh, so that codes differ
    net.encoder.view.weight.data.normal_(0.0, 0.5, generator=draw)
    net.encoder.cue.weight.data.normal_(generator=draw)
    for weight in (net.policy.weight, net.value.weight):
        weight.data.mul_(0.1)  # a policy that starts near the uniform one
    return Player(config, net.to(context.device), context.device)


def auxiliary(
    config: Config, player: Player, target: Agent | None, x: torch.Tensor, h: torch.Tensor,
    place: torch.Tensor, situation: torch.Tensor, offset: int,
) -> torch.Tensor:  # fmt: skip
    """The weighted self-supervised losses, from every `auxiliary_share`-th step of the segment."""
    net = player.net
    steps = slice(offset % config.auxiliary_share, None, config.auxiliary_share)
    seen, cue = place[steps].flatten(), player.world.pairs[situation[steps].flatten()]
    memory = h[steps].flatten(0, 1)
    loss = torch.zeros((), device=h.device)
    if config.reconstruction:
        truth = observed(player.world, net.encoder.features, seen, cue)
        loss = loss + config.reconstruction * reconstruction_loss(net.decoder(memory), truth)
    if target is not None:
        with torch.no_grad():
            aim = target.projector(target.encoder.join(target.encoder.codes(player.shown), seen, cue))
        loss = loss + config.byol * byol_loss(net.predictor(net.projector(memory)), aim)
    return loss


def learn(
    config: Config, player: Player, target: Agent | None, optimizer: torch.optim.Optimizer,
    piece: tuple[torch.Tensor, ...], memory: State, bootstrap: torch.Tensor, offset: int,
) -> torch.Tensor:  # fmt: skip
    """One update from a segment (T, B) of some copies."""
    place, situation, fresh, action, behaviour, reward, over = piece
    x, h, logits, value = player.segment(place, situation, fresh, memory)
    discount = config.gamma * (~over).float()
    loss = actor_critic_loss(
        logits, action, behaviour, reward, discount, value, bootstrap, config.baseline_cost, config.entropy_cost
    )
    if config.reconstruction or config.byol:
        loss = loss + auxiliary(config, player, target, x, h, place, situation, offset)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in player.net.parameters() if p.grad is not None], config.clip)
    optimizer.step()
    if target is not None:
        follow(target, player.net, config.byol_tau)
    return loss.detach()


def run(config: Config, context: Context) -> Outcome:
    """Train on one split; success in all 400 situations, looked at during training and at its end.

    Raises:
        FloatingPointError: the loss is not finite.
        UserError: no such split or memory.
    """
    player = build(config, context)
    net, device = player.net, context.device
    target = build(config, context).net if config.byol else None
    optimizer = torch.optim.Adam(net.parameters(), config.lr, foreach=True)
    world = Gridworld(config.train, config.copies, device)
    world.reset(context.generator("first situations"))
    state, fresh = player.begin(config.copies), torch.ones(config.copies, dtype=torch.bool, device=device)
    episodes = torch.zeros(SITUATIONS, device=device)  # that ended, by situation
    visits = torch.zeros(ENTRIES, device=device)
    size = config.copies * config.unroll
    updates = max(2, config.frames // size)
    looks = {round(k * updates / config.looks) for k in range(config.looks)}
    curves: dict[str, list[float]] = {name: [] for name in ("frames", "train", *SPLITS)}
    losses = torch.zeros(updates, device=device)

    def tree() -> dict[str, object]:
        return {
            "net": net.state_dict(), "target": target.state_dict() if target else None,
            "optimizer": optimizer.state_dict(), "situation": world.situation, "place": world.place, "time": world.time,
            "state": list(state), "fresh": fresh, "episodes": episodes, "visits": visits, "curves": curves, "losses": losses,
        }  # fmt: skip

    begin, saved = 0, context.restore()
    if saved is not None:
        begin, curves, losses = saved["update"], saved["curves"], saved["losses"].to(device)
        net.load_state_dict(saved["net"])
        if target is not None:
            target.load_state_dict(saved["target"])
        optimizer.load_state_dict(saved["optimizer"])
        world.situation, world.place, world.time, fresh, episodes, visits = (
            saved[name].to(device) for name in ("situation", "place", "time", "fresh", "episodes", "visits")
        )
        state = tuple(part.to(device) for part in saved["state"])

    def look(update: int, rollouts: int) -> np.ndarray:
        found = player.success(rollouts, context.generator(f"look {update}"))
        if not torch.isfinite(losses[:update]).all():
            raise FloatingPointError(f"seed {context.seed}: the loss is not finite before update {update} of {updates}")
        curves["frames"].append(update * size)
        for name in ("train", *SPLITS):
            curves[name].append(exact.score(found, config.train if name == "train" else name))
        return found

    for update in range(begin, updates):
        if update in looks:
            look(update, 1)
        draw = context.generator(f"update {update}")
        before = state
        rows: list[tuple[torch.Tensor, ...]] = []
        with torch.no_grad():
            codes = player.codes()
            for _ in range(config.unroll):
                place, situation, began = world.place, world.situation, fresh
                logits, _, state = player.act(codes, place, situation, began, state)
                action = sample(logits, draw)
                log_policy = logits.log_softmax(-1)
                behaviour = log_policy.gather(-1, action[:, None]).squeeze(-1)
                reward, terminated, truncated = world.advance(action, draw)
                if config.novelty:
                    entry = entry_of(place, situation, action)
                    visits.index_add_(0, entry, torch.ones_like(reward))
                    reward = reward + config.novelty / visits[entry]
                fresh = terminated | truncated
                episodes.index_add_(0, situation, fresh.float())
                rows.append((place, situation, began, action, behaviour, reward, fresh))
            _, bootstrap, _ = player.act(codes, world.place, world.situation, fresh, state)
        batch = tuple(torch.stack(column) for column in zip(*rows))
        parts = []
        for _ in range(config.passes):
            order = torch.randperm(config.copies, generator=draw, device=device)
            for k, part in enumerate(order.chunk(config.minibatches)):
                piece = tuple(column[:, part] for column in batch)
                memory = tuple(s[..., part, :] if s.is_floating_point() else s[part] for s in before)
                parts.append(learn(config, player, target, optimizer, piece, memory, bootstrap[part], update + k))
        losses[update] = torch.stack(parts).mean()
        context.progress((update + 1) / updates)
        if context.due():
            context.save({"update": update + 1, **tree()})

    return outcome(config, look(updates, config.rollouts), episodes, curves, updates, updates * size)


def outcome(
    config: Config, found: np.ndarray, episodes: torch.Tensor, curves: dict[str, list[float]], updates: int, frames: int
) -> Outcome:
    """The scalars, curves and arrays that every gridworld run leaves."""
    scalars = {f"success_{name}": exact.score(found, name) for name in SPLITS}
    scalars |= {
        "success_train": exact.score(found, config.train),
        "gap": scalars["success_uniform"] - scalars["success_uniform_rare"],
    }
    counts = episodes.cpu().numpy().astype(np.float32).reshape(MAPS, OBJECTS)
    rare = situation_law("uniform_rare").reshape(MAPS, OBJECTS) > 0
    scalars |= {"rare_episodes": float(counts[rare].sum()), "episodes": float(counts.sum())}
    return Outcome(
        scalars,
        {
            name: Curve.thin(curves["frames"], curves[name], "environment steps", f"success, {name}")
            for name in ("train", *SPLITS)
        },
        {"success": found.astype(np.float32), "episodes": counts},
        steps=updates,
        samples=frames,
    )

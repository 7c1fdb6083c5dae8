"""Playing, learning and looking: one loop for M agents whose networks have one shape.

Every random number is drawn from streams of a run's own seed, and members share nothing else, so a run ends with the
same numbers alone as beside others. An interrupted run plays its saved actions again, which makes its replay memory and
the state of its games anew, and goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from replications.papers.bio_inspired_rl.agents import Agents
from replications.papers.bio_inspired_rl.config import Config
from replications.papers.bio_inspired_rl.environments import Environments, Order, Steps
from replications.papers.bio_inspired_rl.networks import Network
from replications.papers.bio_inspired_rl.replay import Memory
from replications.papers.bio_inspired_rl.scattering import FrontEnd
from replications.study import Context, Curve, Outcome, UserError
from replications.study.seeds import stream_seed

RECENT = 20  # training episodes whose mean is the curve
POINTS = 60  # of a curve


@dataclass
class Diary:
    """One member's training episodes."""

    score: float = 0.0  # so far in this episode
    ends: list[int] = field(default_factory=list)  # steps
    scores: list[float] = field(default_factory=list)

    def note(self, step: int, reward: float, over: bool) -> None:
        """One step."""
        self.score += reward
        if over:
            self.ends.append(step + 1)
            self.scores.append(self.score)
            self.score = 0.0

    def recent(self, steps: int) -> np.ndarray:
        """Mean score of the last 20 finished episodes after every step, 0 before the first ends. (steps,)."""
        means = np.zeros(steps + 1)
        for index, end in enumerate(self.ends):
            means[end:] = np.mean(self.scores[max(0, index + 1 - RECENT) : index + 1])
        return means[1:]

    def reached(self, threshold: float, steps: int) -> int:
        """First step at which that mean of twenty is at the threshold; all steps where it never is."""
        full = self.ends[RECENT - 1] if len(self.ends) >= RECENT else steps
        high = np.flatnonzero(self.recent(steps)[full - 1 :] >= threshold)
        return full + int(high[0]) if len(high) else steps


class Session:
    """Agents, games and memory of one program of runs."""

    def __init__(self, configs: list[Config], contexts: list[Context]) -> None:
        self.configs, self.contexts, self.config = configs, contexts, configs[0]
        config = self.config
        self.device = contexts[0].device
        scale = 1 / 255 if config.atari else 1.0
        self.front = FrontEnd(config.scattering, (config.channels, config.side, config.side), scale, self.device)
        self.network = Network(config.shape())
        self.agents = Agents(self.network, contexts, config.optimizer, config.lr, config.adam_eps)
        self.memory = Memory(
            len(contexts), config.steps, self.front.planes, self.front.dtype, config.stack,
            1.0 if config.scattering else scale, self.device,
        )  # fmt: skip
        self.diaries = [Diary() for _ in contexts]
        self.updates = max(0, -(-(config.steps - config.learning_starts) // config.period))
        self.explore = self._drawn("explore", (config.steps,))
        self.random = (self._drawn("action", (config.steps,)) * config.actions).long()
        self.samples = self._drawn("replay", (self.updates, config.batch))
        wanted = (self.updates, config.batch) if config.optimizer == "kfac" else (self.updates, 1)
        self.draws = self._drawn("draws", wanted)

    def _drawn(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Uniform numbers (M, *shape), a stream for each member."""
        rows = [torch.rand(shape, generator=context.generator(name, "cpu")) for context in self.contexts]
        return torch.stack(rows).to(self.device)

    def orders(self, purpose: str, games: int) -> list[Order]:
        """Games of every member."""
        return [
            Order(
                config.game,
                context.seed,
                tuple(stream_seed(context.seed, f"{purpose} {index}") for index in range(games)),
                config.limit,
                config.full_actions,
            )
            for config, context in zip(self.configs, self.contexts)
        ]

    def kept(self, frames: np.ndarray) -> Tensor:
        """Frames (M, C, H, W) as the memory keeps them."""
        return self.front(torch.from_numpy(frames).to(self.device))

    def add(self, step: int, actions: Tensor, played: Steps) -> None:
        """Take a step into memory and diaries."""
        rewards = played.rewards[:, 0]
        for diary, reward, over in zip(self.diaries, rewards, played.over[:, 0]):
            diary.note(step, float(reward), bool(over))
        ends = played.terminal if self.config.life_loss_ends else played.over
        self.memory.add(
            actions,
            torch.from_numpy(rewards.clip(-1, 1) if self.config.clip_rewards else rewards).to(self.device),
            torch.from_numpy(ends[:, 0]).to(self.device),
            torch.from_numpy(played.over[:, 0]).to(self.device),
            self.kept(played.frames[:, 0]),
        )

    def choose(self, step: int) -> Tensor:
        """Actions (M,): ε-greedy, or greedy under noise."""
        config = self.config
        if step < config.learning_starts:
            return self.random[:, step]
        rows = torch.full((len(self.contexts), 1), step, device=self.device)
        greedy = self.agents.act(self.memory.observations(rows), step)[:, 0]
        if config.noisy:
            return greedy
        epsilon = max(config.epsilon, 1 - (1 - config.epsilon) * step / max(1, config.epsilon_steps))
        return torch.where(self.explore[:, step] < epsilon, self.random[:, step], greedy)

    def learn(self, step: int) -> None:
        """One update where it is due after step `step`."""
        config = self.config
        since = step - config.learning_starts
        if since < 0 or since % config.period or self.memory.filled <= config.n_step:
            return
        index = since // config.period
        if index % config.target_every == 0:
            self.agents.copy()
        beta = config.beta + (1 - config.beta) * step / config.steps
        batch = self.memory.sample(self.samples[:, index], config.n_step, config.gamma, beta)
        errors = self.agents.update(batch, index, self.draws[:, index])
        self.memory.prioritise(batch.rows, errors, config.omega)

    def play(self) -> None:
        """Train from the start, or from where the runs were interrupted."""
        config = self.config
        with Environments(self.orders("game", 1)) as games:
            self.memory.begin(self.kept(games.reset()[:, 0]))
            begin = self.restore(games)
            for step in range(begin, config.steps):
                actions = self.choose(step)
                self.add(step, actions, games.step(actions.cpu().numpy()[:, None]))
                self.learn(step)
                if step % 100 == 99 or step + 1 == config.steps:
                    for context in self.contexts:
                        context.progress(0.95 * (step + 1) / config.steps)
                    if self.contexts[0].due():
                        self.save(step + 1)

    def save(self, step: int) -> None:
        """Save every member's state under its own run."""
        for member, context in enumerate(self.contexts):
            state = {"agents": self.agents.state(member), "memory": self.memory.state(member)}
            context.save({"step": step, **state})

    def restore(self, games: Environments) -> int:
        """Play saved actions again and take the saved state; the first step that is still to do, 0 without a state."""
        states: list[Any] = [context.restore() for context in self.contexts]
        if any(state is None for state in states) or len({state["step"] for state in states}) > 1:
            return 0  # also where a kill fell between two members' saves
        actions = torch.stack([state["memory"]["actions"] for state in states]).long().to(self.device)
        steps = int(states[0]["step"])
        for step in range(steps):
            self.add(step, actions[:, step], games.step(actions[:, step].cpu().numpy()[:, None]))
        self.memory.priorities[:, :steps] = torch.stack([s["memory"]["priorities"] for s in states]).to(self.device)
        self.memory.most = torch.stack([s["memory"]["most"] for s in states]).to(self.device)
        updates = max(0, -(-(steps - self.config.learning_starts) // self.config.period))
        self.agents.load([state["agents"] for state in states], updates)
        return steps

    def evaluate(self, purpose: str, epsilon: float) -> np.ndarray:
        """Scores (M, episodes) of the last weights, each game played from its start to its end, lives and all."""
        config, m = self.config, len(self.contexts)
        chance = [np.random.default_rng(stream_seed(context.seed, purpose)) for context in self.contexts]
        scores, alive = np.zeros((m, config.episodes)), np.ones((m, config.episodes), dtype=bool)
        with Environments(self.orders(purpose, config.episodes)) as games:
            stack: Tensor | None = None
            frames, scale = games.reset(), self.memory.scale
            while True:
                kept = self.front(torch.from_numpy(frames).to(self.device).flatten(0, 1))
                kept = kept.view(m, config.episodes, 1, *kept.shape[1:]).float() * scale
                if stack is None:
                    stack = torch.zeros_like(kept).repeat(1, 1, config.stack, 1, 1, 1)
                stack = torch.cat([stack[:, :, 1:], kept], 2)
                actions = self.agents.act(stack.flatten(2, 3), 0, noisy=False).cpu().numpy()
                for row, generator in zip(actions, chance):
                    odd = generator.random(config.episodes) < epsilon
                    row[odd] = generator.integers(config.actions, size=int(odd.sum()))
                played = games.step(actions)
                scores += played.rewards * alive
                alive &= ~played.over
                frames = played.frames
                if not alive.any():
                    return scores


def run_together(configs: list[Config], contexts: list[Context]) -> list[Outcome]:
    """Train runs of one program side by side, then play their evaluation episodes.

    Raises:
        UserError: a package or ROM is missing, or an environment died.
        FloatingPointError: a network's weights are not finite.
    """
    session = Session(configs, contexts)
    session.play()
    finite = session.agents.online.tensor.detach().isfinite().all(1).tolist()
    if not all(finite):
        raise FloatingPointError(f"seed {contexts[finite.index(False)].seed}: the weights are not finite")
    config = session.config
    scores = session.evaluate("evaluation", 0.0 if config.noisy else config.evaluation_epsilon)
    # Atari's random scores are published; MinAtar's are played, by the same program
    random = None if config.atari else session.evaluate("random play", 1.0).mean(1)
    return [
        _outcome(session, member, scores[member], {} if random is None else {"random_score": float(random[member])})
        for member in range(len(contexts))
    ]


def _outcome(session: Session, member: int, scores: np.ndarray, more: dict[str, float]) -> Outcome:
    config, diary = session.configs[member], session.diaries[member]
    recent = diary.recent(config.steps)
    points = np.unique(np.linspace(0, config.steps, POINTS + 1).round().astype(int)[1:])
    reached = diary.reached(config.threshold, config.steps)
    scalars = {
        "score": float(scores.mean()),
        "training_score": float(recent[-1]),
        "mean_training_score": float(recent.mean()),
        "coefficients": float(session.network.count()),
        "updates_to_threshold": float(max(1, -(-(reached - config.learning_starts) // config.period))),
        "reached": float(reached < config.steps),
        "updates": float(session.updates),
        **more,
    }
    curve = Curve(points.tolist(), recent[points - 1].tolist(), "step", f"mean score of {RECENT} training episodes")
    return Outcome(
        scalars,
        {"score": curve},
        {"scores": scores.astype(np.float32)},
        steps=session.updates,
        samples=session.updates * config.batch,
    )


def dry_run(config: Config, context: Context) -> str:
    """Build the network of a config and take two updates on random transitions of the real shape."""
    from replications.papers.bio_inspired_rl.replay import Batch

    network = Network(config.shape())
    agents = Agents(network, [context], config.optimizer, config.lr, config.adam_eps)
    draw, size = context.generator("dry run"), (1, config.batch)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*size, *shape, generator=draw, device=context.device)

    errors = []
    for index in range(2):
        planes = config.shape().planes
        actions = (uniform() * config.actions).long()
        batch = Batch(actions, uniform(*planes), actions, uniform(), uniform(), uniform(*planes), uniform())
        errors.append(float(agents.update(batch, index, uniform()).mean()))
    if not all(np.isfinite(errors)):
        raise UserError("the error of the dry run is not finite")
    return f"{network.count():,} coefficients, {config.trunk} trunk, error {errors[0]:.3f} → {errors[1]:.3f}"

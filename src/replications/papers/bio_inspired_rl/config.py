"""The config of one run: a game, a network, an optimiser. Defaults are MinAtar's on a laptop."""

from __future__ import annotations

from dataclasses import dataclass

from replications.papers.bio_inspired_rl.networks import Shape
from replications.papers.bio_inspired_rl.scattering import ANGLES, count_scattering
from replications.study import UserError


@dataclass(frozen=True)
class Config:
    """One agent on one game."""

    # game
    game: str = "breakout"  # MinAtar's, or atari/<name>
    channels: int = 4  # planes of a frame
    side: int = 10  # pixels
    stack: int = 1  # frames of an observation
    actions: int = 3
    full_actions: bool = False  # every action of the console in place of those that the game needs
    life_loss_ends: bool = True  # a lost life ends the episode for learning, not for playing (Atari)
    clip_rewards: bool = True  # to [-1, 1], for learning alone
    # network
    trunk: str = "minatar"  # minatar, der, nature, or none
    scattering: int = 0  # J scales, order 1, eight angles, in place of a trunk; 0: none
    layer: str = "dense"  # of the hidden layer: dense, low-rank, cp or tucker
    hidden: int = 128  # units of a hidden layer
    ranks: tuple[int, ...] = ()
    output_rank: int = 0  # 0: dense outputs
    atoms: int = 1  # 51: C51
    dueling: bool = False
    noisy: bool = False
    # learning
    optimizer: str = "adam"  # adam or kfac
    lr: float = 1e-3  # of Adam or K-FAC
    adam_eps: float = 1.5e-4
    steps: int = 20_000  # agent steps: an action each
    learning_starts: int = 1_000  # steps before the first update
    period: int = 4  # steps between updates
    batch: int = 32
    n_step: int = 5
    gamma: float = 0.99
    omega: float = 0.5  # exponent of priorities
    beta: float = 0.4  # of importance weights, rising to 1 at the end
    target_every: int = 500  # updates between copies to the target network
    epsilon_steps: int = 5_000  # steps in which ε falls from 1 to epsilon
    epsilon: float = 0.02  # noisy agents take 0
    # looking
    episodes: int = 30  # played after training, with ε = evaluation_epsilon
    evaluation_epsilon: float = 0.001
    limit: int = 2_500  # steps of an episode
    threshold: float = 0.0  # score whose first reaching is timed

    def __post_init__(self) -> None:
        if self.learning_starts <= self.n_step:
            raise UserError(
                f"learning starts after {self.learning_starts} steps: it needs more than the {self.n_step} of a return"
            )
        if self.steps > 10**6 or self.actions > 256:
            raise UserError("a run keeps all its steps: at most a million, of at most 256 actions")

    def shape(self) -> Shape:
        """The network's shape."""
        planes = (self.stack * self.channels, self.side, self.side)
        if self.scattering:
            side = self.side // 2**self.scattering
            planes = (planes[0] * count_scattering(self.scattering, ANGLES, 1), side, side)
        return Shape(
            self.trunk, planes, self.actions, self.layer, self.hidden, self.ranks, self.output_rank, self.atoms,
            self.dueling, self.noisy,
        )  # fmt: skip

    @property
    def atari(self) -> bool:
        """Whether the game is Atari's."""
        return self.game.startswith("atari/")

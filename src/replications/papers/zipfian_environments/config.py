"""The configuration of one run; a condition changes a few fields of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """One training; fields that its experiment does not name are not read. Defaults are the laptop's gridworld."""

    experiment: str = "actor_critic"  # actor_critic, replay, table (the gridworld), lift, find or labyrinth
    train: str = "zipf_2"  # split of the situations it is trained on
    frames: int = 8_000_000  # environment steps of training, all copies together
    looks: int = 10  # evaluations during training, evenly, besides the last
    rollouts: int = 10  # sampled episodes a situation in the last evaluation, where the agent has a memory
    # networks
    memory: str = "mlp"  # mlp, lstm or transformer
    width: int = 128  # units of every layer; the paper's memory has 512
    tile_width: int = 8  # features of a part of a tile, in the labyrinth
    layers: int = 1  # of the transformer; the paper's has 4
    attention_heads: int = 4  # of the transformer; the paper's has 8
    window: int = 16  # steps of its memory before the segment
    # optimisation
    copies: int = 256  # environments stepping together
    unroll: int = 16  # steps of a segment; the paper's is 128
    minibatches: int = (
        4  # updates of a segment, each from some of the copies, as many learner batches do from many actors
    )
    passes: int = 1  # times that a segment is learnt from; V-trace corrects for the policy's change in between
    gamma: float = 0.99  # discount a step; the paper's replay agent has 0.9
    baseline_cost: float = 0.59  # weight of the value's error
    entropy_cost: float = 0.01  # the paper's 9.4e-5 explores too little for this many frames
    novelty: float = 0.0  # c of a reward c/n for the n-th visit to a place, target and action: not in the paper
    lr: float = 1e-3  # Adam; the paper's is 3e-4
    clip: float = 1.0  # largest norm of the gradient; not said for IMPALA
    reconstruction: float = 0.0  # weight of the reconstruction loss, not said in the paper
    byol: float = 0.0  # weight of the BYOL-style loss, not said in the paper
    byol_tau: float = 0.99  # decay of its target network
    auxiliary_share: int = 4  # the auxiliary losses look at one step of a segment in this many
    # replay
    priorities: bool = True  # sequences drawn by their error, or evenly
    capacity: int = 20_000  # sequences kept; the paper keeps 100,000
    sequence: int = 8  # steps; the paper's has 128
    batch: int = 256  # sequences of an update; the paper's is 32
    updates: int = 1  # updates after every `sequence` steps of all copies
    importance: float = 0.6  # exponent of the importance weights
    priority_exponent: float = 0.9  # exponent of the priorities
    max_weight: float = 0.9  # share of the largest error in a sequence's priority, the rest being its mean
    epsilon: float = 0.1  # chance of a random action
    lam: float = 0.3  # λ of the returns
    target_update: int = 10  # updates between copies to the target network
    # the stand-ins
    world: str = "lift"  # lift or put, of the room; rl or classifier, of the find task; forward or reversed levels
    kinds: int = 50  # objects that may be in the room, or in the images
    per_level: int = 10  # evaluation episodes a level of the labyrinth
    workers: int = 0  # processes that step the labyrinth's levels; 0 steps them in the run's own

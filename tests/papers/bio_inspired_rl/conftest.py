"""What several tests of the chapter use: a processor, small configs, records under which every claim holds."""

import pytest
import torch

from replications.papers.bio_inspired_rl.config import Config
from replications.papers.bio_inspired_rl.study import GPU_GAMES, MINATAR
from replications.study import Context

CPU = torch.device("cpu")
SEEDS = 5
JITTER = (0.0, 0.02, -0.02, 0.01, -0.01)
TINY = {
    "steps": 150, "learning_starts": 30, "period": 4, "batch": 8, "n_step": 3, "target_every": 5, "epsilon_steps": 60,
    "episodes": 2, "limit": 40,
}  # fmt: skip


@pytest.fixture
def context():
    """The surroundings of a run of a seed."""
    return lambda seed=0, **fields: Context(seed, CPU, **fields)


@pytest.fixture
def tiny():
    """A config of MinAtar's Breakout that trains in under a second."""
    return lambda **fields: Config(**(TINY | fields))


@pytest.fixture
def good():
    """Functions that make scalars under which every claim holds: laptop's, and four Atari games'."""
    return good_scores, good_scalars, good_atari


def good_scores():
    """Mean score of every net, as a share of the dense network's."""
    return {
        "dense": 1.0, "tucker-2": 1.0, "tucker-5": 1.0, "tucker-10": 1.0, "narrow-2": 0.9, "narrow-5": 0.7,
        "narrow-10": 0.4, "cp-10": 0.8, "low-rank-10": 0.8, "scattering-tucker-10": 1.0, "kfac-tucker-10": 1.1,
    }  # fmt: skip


def good_scalars(scores=None):
    """Scalars of a laptop profile and a GPU profile at once: condition → metric → one value a seed."""
    scores = good_scores() if scores is None else scores
    found = {
        f"{game}-{net}": {
            "score": [10 * share * (1 + j) for j in JITTER],
            "random_score": [0.5] * SEEDS,
            "coefficients": [1e5 if net == "dense" else 1e4] * SEEDS,
            "updates_to_threshold": [(1000 if "kfac" in net else 4000) * (1 + j) for j in JITTER],
            "reached": [1.0] * SEEDS,
            "updates": [7000.0] * SEEDS,
        }
        for game in MINATAR
        for net, share in scores.items()
    }
    found["exact"] = {
        name: [0.0]
        for name in (
            "count_error", "full_rank_error", "scattering_count_error", "scattering_stack_error", "projection_error",
            "kfac_error", "table_error",
        )
    }  # fmt: skip
    return found


def good_atari(scores=None):
    """The same for the four games of the GPU profile."""
    scores = good_scores() if scores is None else scores
    return {
        f"{game}-{net}": {"score": [3000 * scores[net] * (1 + j) for j in JITTER]}
        for game in GPU_GAMES
        for net in ("dense", "tucker-2", "tucker-10", "narrow-10")
    }
